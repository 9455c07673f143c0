"""Which incentives a diagram admits: criteria, verdicts with proofs, the report.

============================== =========================================== ===============================
criterion                      source                                      function
============================== =========================================== ===============================
value of information           Everitt et al. 2021; van Merwijk et al. 22  `admits_voi`
value of control               Everitt et al. 2021, Thm 16                 `admits_voc`
response incentive             Everitt et al. 2021, Thm 12                 `admits_ri`
instrumental control incentive Everitt et al. 2021, Thm 18                 `admits_ici`
path-specific ICI              Farquhar et al. 2022                        `admits_path_specific_ici`
impact incentive               Carey et al. 2020                           `admits_impact`
intention                      Ward et al. 2024                            `admits_intention`
deception                      Ward et al. 2023                            `admits_deception`
unfairness under optimality    Everitt et al. 2021, Thm 14                 `admits_unfairness`
introduced unfairness          Ashurst et al. 2022                         `admits_introduced_unfairness`
relevance (r-, s-reachability) Koller & Milch 2003; Hammond et al. 2023    `admits_relevance`
reasoning patterns             Pfeffer & Gal 2007                          `reasoning_patterns`
which edge flips an answer     every single edge, tried                    `sensitivity`
all of them, every node        one pass                                    `incentives`
============================== =========================================== ===============================

====================  ===========================================================
module                what it holds
====================  ===========================================================
``question``          what is asked, and the three possible answers
``analysis``          one pass over a diagram per agent and decision
``others``            what is assumed of the other agents
``rulings``           the theorem that settles a question, criterion by criterion
``proofs``            the path or separating set behind an answer
``chains``            proofs of *no* as chains of steps, where decisions hang on each other
``witness``           models that have an admitted incentive
``atlas``             value of information in all small diagrams with two decisions, looked up
``verdict``           an answer with its proof and its witness
``criteria``          `admits_voi` and its siblings
``deception``         one agent makes another believe what is not so
``report``            all criteria for every node: `incentives`
``edge_sensitivity``  which single edge flips an answer: `sensitivity`
``reasoning``         reasoning patterns in games
====================  ===========================================================
"""

from cidmesa.criteria.chains.chain import Chain as Chain
from cidmesa.criteria.criteria import admits_ici as admits_ici
from cidmesa.criteria.criteria import admits_impact as admits_impact
from cidmesa.criteria.criteria import admits_intention as admits_intention
from cidmesa.criteria.criteria import admits_introduced_unfairness as admits_introduced_unfairness
from cidmesa.criteria.criteria import admits_path_specific_ici as admits_path_specific_ici
from cidmesa.criteria.criteria import admits_relevance as admits_relevance
from cidmesa.criteria.criteria import admits_ri as admits_ri
from cidmesa.criteria.criteria import admits_unfairness as admits_unfairness
from cidmesa.criteria.criteria import admits_voc as admits_voc
from cidmesa.criteria.criteria import admits_voi as admits_voi
from cidmesa.criteria.deception import admits_deception as admits_deception
from cidmesa.criteria.edge_sensitivity import Flip as Flip
from cidmesa.criteria.edge_sensitivity import sensitivity as sensitivity
from cidmesa.criteria.question import Answer as Answer
from cidmesa.criteria.reasoning import reasoning_patterns as reasoning_patterns
from cidmesa.criteria.report import DecisionIncentives as DecisionIncentives
from cidmesa.criteria.report import IncentiveReport as IncentiveReport
from cidmesa.criteria.report import ReportDiff as ReportDiff
from cidmesa.criteria.report import incentives as incentives
from cidmesa.criteria.verdict import Verdict as Verdict
from cidmesa.graph.separation import Path as Path
from cidmesa.graph.separation import SeparatingSet as SeparatingSet
