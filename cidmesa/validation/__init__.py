"""Prediction against evidence: what trained agents show, and what may be said about it.

=========================  =========================================================================================
``validate``               family and agents → :class:`Report`: a verdict for every prediction
``validate_along``         the same along training: which hypothesis fits when
``required_agents``        how many agents that takes
``gaps``                   outer, inner and reward-result gaps, in every distribution (Hubinger et al. 2019)
``alignment_gap``          how far two objectives are apart, in [0, 1] (Skalse et al. 2024)
``goal_directedness``      how well the pursuit of an objective predicts a policy (MacDermott et al. 2024)
``behavioural_objective``  what inverse reinforcement learning recovers from each agent (Ng & Russell 2000)
``coherence``              whether choices fit one utility: GARP, Afriat's efficiency, Kendall's zeta
``adaptation``             how fast agents learn again where they are deployed, and what they gain there as they are
``discover_agents``        which nodes are decisions and utilities, and of whom (Kenton et al. 2023)
``statistics``             the tests by themselves: shares, Holm, intervals, formula claims
``checks``                 one number an agent and prediction; who acts like which hypothesis
``judge``, ``report``      from numbers to verdicts; text, DataFrame, JSON, page
=========================  =========================================================================================

Only the shares of complying agents are tested, exactly; means and their intervals are shown and decide nothing.
Questions about goals are for one decision or several that can be settled one after the other.

=====================  ======================================================================
module                 what it holds
=====================  ======================================================================
``matching``           agents and setups matched by names and values
``one_agent``          what one agent does, without a claim about others
``one_row``            hypotheses that say the same; rows about model organisms
``subjects``           agents seen alike, whether told or sampled
``statistics``         the tests by themselves
``sampled``            one agent's statistics known from draws of its actions
``checks``             one number an agent and prediction; who acts like what
``changed``            the same where one thing is changed, mostly by training again
``ahead``              agents trained again side by side, before rows are judged
``inside``             the same where inner nodes are changed while agents act
``report``             the report as data, text and page
``judge``              from numbers to verdicts: `validate`
``along``              `validate_along`: verdicts along training
``goals``              behavioural objective, goal-directedness, one gap
``gap_table``          `gaps`: all gaps of a family
``several``            the same for several decisions
``play``               several decisions as one array
``wanted``             objectives as users write them, as numbers
``relearning``         `adaptation`: how fast agents learn again
``revealed``           `coherence` of revealed preferences, and what agents choose
``adapting``           systems whose rules may adapt: solved, trained again, asked, frozen
``mechanism_graph``    from responses of mechanisms to a game, and back
``mechanism_changes``  what is tried in the place of a mechanism
``discovered``         what discovery finds
``discovery``          `discover_agents`: who is an agent, and for what
``lifted_contexts``    the same of frozen rules, by the contexts that set mechanisms
``regrets``            what each agent loses, by the base utility and by what is intended
=====================  ======================================================================
"""

from cidmesa.validation.along import Along as Along
from cidmesa.validation.along import validate_along as validate_along
from cidmesa.validation.discovered import Discovered as Discovered
from cidmesa.validation.discovered import Tried as Tried
from cidmesa.validation.discovery import discover_agents as discover_agents
from cidmesa.validation.gap_table import Gaps as Gaps
from cidmesa.validation.gap_table import gaps as gaps
from cidmesa.validation.goals import alignment_gap as alignment_gap
from cidmesa.validation.goals import behavioural_objective as behavioural_objective
from cidmesa.validation.goals import goal_directedness as goal_directedness
from cidmesa.validation.judge import required_agents as required_agents
from cidmesa.validation.judge import validate as validate
from cidmesa.validation.mechanism_graph import Game as Game
from cidmesa.validation.mechanism_graph import MechanismEdge as MechanismEdge
from cidmesa.validation.one_agent import OneAgent as OneAgent
from cidmesa.validation.relearning import Adaptation as Adaptation
from cidmesa.validation.relearning import Point as Point
from cidmesa.validation.relearning import adaptation as adaptation
from cidmesa.validation.report import Report as Report
from cidmesa.validation.report import Row as Row
from cidmesa.validation.report import Share as Share
from cidmesa.validation.report import Whole as Whole
from cidmesa.validation.revealed import Chosen as Chosen
from cidmesa.validation.revealed import Coherence as Coherence
from cidmesa.validation.revealed import coherence as coherence
from cidmesa.validation.revealed import revealed_choices as revealed_choices
