bnet "x" {
node wear(finite-states) { states = ("bad" "fair" "good"); }
node rain(finite-states) { states = ("yes" "no"); }
node trouble(finite-states) { states = ("severe" "mild" "none"); }
link wear trouble; link rain trouble;
relation wear { values = table (0.3 0.5 0.2); }
relation rain { values = table (0.5 0.5); }
relation trouble wear rain { deterministic=false; values = function
  CausalMax(troublewear, troublerain, troubleResidual); }
relation trouble wear { kind-of-relation = potential; active=false; name-of-relation = troublewear; henrionVSdiez =
  "Diez"; values = table (0.5 0.1 0.0 0.3 0.2 0.0 0.2 0.7 1.0); }
relation trouble rain { name-of-relation = troublerain; values =
  table (0.6 0.0 0.0 0.0 0.4 1.0); }
relation trouble { name-of-relation = troubleResidual; values = table (0.05 0.05 0.9); }
}
