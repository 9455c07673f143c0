"""The derivation: the mesa-optimizers that this training could have produced.

========================================  =======================================  ==================================
notion                                    source                                   where
========================================  =======================================  ==================================
training setup                            –                                        :mod:`cidmesa.mesa.setup`
deployments, phases, feedback             –                                        :mod:`cidmesa.mesa.deployment`
base optimizer's diagram (twin)           –                                        :mod:`cidmesa.mesa.twin`
inside of a learned algorithm             Kenton et al. 2022                       :mod:`cidmesa.mesa.splice`
mesa diagrams, emergent incentives        Everitt et al. 2021                      :mod:`cidmesa.mesa.views`
candidates, lookup table                  Hubinger et al. 2019                     :mod:`cidmesa.mesa.derive`
consistency, exactly                      Ng & Russell 2000 (feasible set)         :mod:`cidmesa.mesa.consistency`
… of several decisions, policy by policy  –                                        :mod:`cidmesa.mesa.normal`
… without listing all policies            Myerson 1991 (reduced normal form)       :mod:`cidmesa.mesa.plans`
… and comparing those alone that can win  –                                        :mod:`cidmesa.mesa.hull`
… decision by decision (sufficient)       –                                        :mod:`cidmesa.mesa.stages`
… of shared stochastic rules, by name     –                                        :mod:`cidmesa.mesa.answers`
possible actions, regret intervals        –                                        :mod:`cidmesa.mesa.regret`
information cover, positions              Hubinger et al. 2019; Cohen et al. 2022  :mod:`cidmesa.mesa.positions`
shift classes, Theorem A (carry-over)     Koller & Milch 2003 (relevance)          :mod:`cidmesa.mesa.shifts`
interfaces, Theorem B                     –                                        :mod:`cidmesa.mesa.interfaces`
completeness, Theorem C and its dual      –                                        :mod:`cidmesa.mesa.completeness`
what would tell hypotheses apart          –                                        :mod:`cidmesa.mesa.separation`
… in an episode of several decisions      –                                        :mod:`cidmesa.mesa.parting`
what no behaviour can tell apart          –                                        :mod:`cidmesa.mesa.identifiability`
what would cure a mesa-objective          –                                        :mod:`cidmesa.mesa.cure`
alignment as a condition on parameters    –                                        :mod:`cidmesa.mesa.symbolic`
deceptive alignment                       Hubinger et al. 2019                     :mod:`cidmesa.mesa.deception`
optimal stochastic shared rules           Piccione & Rubinstein 1997               :mod:`cidmesa.mesa.rules`
… and the worst of them for the base      –                                        :mod:`cidmesa.mesa.extremes`
internalised, corrigible, deceptive       Hubinger et al. 2019                     :mod:`cidmesa.mesa.patterns`
myopia, swapping, selection               Krueger et al. 2020                      :mod:`cidmesa.mesa.myopia`
tampering                                 Everitt et al. 2021                      :mod:`cidmesa.mesa.tampering`
predictions                               –                                        :mod:`cidmesa.mesa.predictions`
simplicity prior                          Hubinger et al. 2019                     :mod:`cidmesa.mesa.prior`
========================================  =======================================  ==================================

Not implemented: all objectives at once where one stochastic rule acts twice in a run (declared ones are tried), and
alignment regions there; regret intervals where policies are too many to list; of several decisions the separation as an
expression; objectives that are functions of decisions.
"""

from cidmesa.mesa.candidate import Consistency as Consistency
from cidmesa.mesa.candidate import MesaOptimizer as MesaOptimizer
from cidmesa.mesa.completeness import Parting as Parting
from cidmesa.mesa.completeness import parting_models as parting_models
from cidmesa.mesa.cure import Cure as Cure
from cidmesa.mesa.cure import Cures as Cures
from cidmesa.mesa.cure import distinguishing_training as distinguishing_training
from cidmesa.mesa.deception import Deception as Deception
from cidmesa.mesa.deception import is_deceptive as is_deceptive
from cidmesa.mesa.deception import phase_cue as phase_cue
from cidmesa.mesa.derive import Family as Family
from cidmesa.mesa.derive import LookupTable as LookupTable
from cidmesa.mesa.derive import derive_mesa_optimizers as derive_mesa_optimizers
from cidmesa.mesa.identifiability import Indistinct as Indistinct
from cidmesa.mesa.identifiability import unidentifiable as unidentifiable
from cidmesa.mesa.interfaces import Interface as Interface
from cidmesa.mesa.patterns import Pattern as Pattern
from cidmesa.mesa.patterns import response_pattern as response_pattern
from cidmesa.mesa.prior import Ranking as Ranking
from cidmesa.mesa.prior import SimplicityPrior as SimplicityPrior
from cidmesa.mesa.separation import Separation as Separation
from cidmesa.mesa.separation import separating_shifts as separating_shifts
from cidmesa.mesa.setup import Deployment as Deployment
from cidmesa.mesa.setup import Phases as Phases
from cidmesa.mesa.setup import TrainingSetup as TrainingSetup
from cidmesa.mesa.shifts import ShiftClass as ShiftClass
from cidmesa.mesa.symbolic import AlignmentRegion as AlignmentRegion
from cidmesa.mesa.symbolic import alignment_region as alignment_region
