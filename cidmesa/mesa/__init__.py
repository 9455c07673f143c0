"""The derivation: the mesa-optimizers that this training could have produced.

========================================  =======================================  ==================================
notion                                    source                                   where
========================================  =======================================  ==================================
training setup, deployment, feedback      –                                        :mod:`cidmesa.mesa.setup`
base optimizer's diagram (twin)           –                                        :mod:`cidmesa.mesa.twin`
candidates, lookup table                  Hubinger et al. 2019                     :mod:`cidmesa.mesa.derive`
consistency, exactly                      Ng & Russell 2000 (feasible set)         :mod:`cidmesa.mesa.consistency`
possible actions, regret intervals        –                                        :mod:`cidmesa.mesa.regret`
information cover, positions              Hubinger et al. 2019; Cohen et al. 2022  :mod:`cidmesa.mesa.positions`
shift classes, Theorem A (carry-over)     Koller & Milch 2003 (relevance)          :mod:`cidmesa.mesa.shifts`
interfaces, Theorem B                     –                                        :mod:`cidmesa.mesa.interfaces`
deceptive alignment                       Hubinger et al. 2019                     :mod:`cidmesa.mesa.deception`
predictions                               –                                        :mod:`cidmesa.mesa.predictions`
simplicity prior                          Hubinger et al. 2019                     :mod:`cidmesa.mesa.prior`
========================================  =======================================  ==================================

Not implemented: consistency over stochastic rules that several decisions share (deterministic ones are listed), and
objectives that are functions of decisions.
"""

from cidmesa.mesa.candidate import Consistency as Consistency
from cidmesa.mesa.candidate import MesaOptimizer as MesaOptimizer
from cidmesa.mesa.derive import Family as Family
from cidmesa.mesa.derive import LookupTable as LookupTable
from cidmesa.mesa.derive import derive_mesa_optimizers as derive_mesa_optimizers
from cidmesa.mesa.prior import Ranking as Ranking
from cidmesa.mesa.prior import SimplicityPrior as SimplicityPrior
from cidmesa.mesa.setup import Deployment as Deployment
from cidmesa.mesa.setup import Phases as Phases
from cidmesa.mesa.setup import TrainingSetup as TrainingSetup
