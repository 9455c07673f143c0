// Influence Diagram
//   Elvira format
idiagram "voyage" {
kindofgraph = "directed";
visualprecision = "0.00";
version = 1.0;
default node states = ("present" , "absent");
node season(finite-states) { kind-of-node = chance; type-of-variable = finite-states;
 pos_x =10; pos_y =20; relevance = 7.0; purpose = ""; num-states = 2; states = ("summer" "winter"); }
node weather(finite-states) { title = "the weather at sea"; kind-of-node = chance; num-states = 2; states = ("calm" "storm"); }
node report(finite-states) { kind-of-node = chance; num-states = 2; states = (fair grim); }
node insure(finite-states) { kind-of-node = decision; num-states = 2; states = ("yes" "no"); }
node sail(finite-states) { kind-of-node = decision; num-states = 2; states = ("go" "stay"); }
node gain(continuous) { kind-of-node = utility; type-of-variable = continuous; min = 0; max = 1; precision = 2; }
node cover(continuous) { kind-of-node = utility; type-of-variable = continuous; }
node premium(continuous) { kind-of-node = utility; type-of-variable = continuous; }
node all(continuous) { kind-of-node = super-value; type-of-variable = continuous; }
link season weather;
link weather report;
link season insure;
link report sail;
link insure sail;
link weather gain;
link sail gain;
link insure cover; link weather cover; link sail cover;
link insure premium;
link gain all; link cover all; link premium all;
relation season { comment = ""; kind-of-relation = potential; deterministic=false; values= table (0.6 0.4 ); }
relation weather season { comment = "new"; deterministic=false; values= table (0.9 0.5 0.1 0.5 ); }
relation report weather { values= table (0.8 0.3 0.2 0.7 ); }
relation gain weather sail { kind-of-relation = utility; values= table (100 0 -200 0 ); }
relation cover insure weather sail { kind-of-relation = utility; values= table (0 0 60 0 0 0 0 0); }
relation premium insure { kind-of-relation = utility; values= table (-15 0); }
relation all gain cover premium { kind-of-relation = utility-combination; values= function
          Sum();}
}
