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
unfairness under optimality    Everitt et al. 2021, Thm 14                 `admits_unfairness`
introduced unfairness          Ashurst et al. 2022                         `admits_introduced_unfairness`
relevance (r-, s-reachability) Koller & Milch 2003; Hammond et al. 2023    `admits_relevance`
reasoning patterns             Pfeffer & Gal 2007                          `reasoning_patterns`
which edge flips an answer     every single edge, tried                    `sensitivity`
all of them, every node        one pass                                    `incentives`
============================== =========================================== ===============================
"""

from cidmesa.graph.separation import Path as Path
from cidmesa.graph.separation import SeparatingSet as SeparatingSet
from cidmesa.incentives.criteria import admits_ici as admits_ici
from cidmesa.incentives.criteria import admits_impact as admits_impact
from cidmesa.incentives.criteria import admits_intention as admits_intention
from cidmesa.incentives.criteria import admits_introduced_unfairness as admits_introduced_unfairness
from cidmesa.incentives.criteria import admits_path_specific_ici as admits_path_specific_ici
from cidmesa.incentives.criteria import admits_relevance as admits_relevance
from cidmesa.incentives.criteria import admits_ri as admits_ri
from cidmesa.incentives.criteria import admits_unfairness as admits_unfairness
from cidmesa.incentives.criteria import admits_voc as admits_voc
from cidmesa.incentives.criteria import admits_voi as admits_voi
from cidmesa.incentives.flips import Flip as Flip
from cidmesa.incentives.flips import sensitivity as sensitivity
from cidmesa.incentives.reasoning import reasoning_patterns as reasoning_patterns
from cidmesa.incentives.report import DecisionIncentives as DecisionIncentives
from cidmesa.incentives.report import IncentiveReport as IncentiveReport
from cidmesa.incentives.report import ReportDiff as ReportDiff
from cidmesa.incentives.report import incentives as incentives
from cidmesa.incentives.verdict import Answer as Answer
from cidmesa.incentives.verdict import Verdict as Verdict
