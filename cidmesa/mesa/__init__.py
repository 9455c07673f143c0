"""The derivation: the mesa-optimizers that this training could have produced.

========================================  =======================================  ==================================
notion                                    source                                   where
========================================  =======================================  ==================================
training setup                            –                                        :mod:`cidmesa.mesa.setup.training`
deployments, phases, feedback             –                                        :mod:`cidmesa.mesa.setup.deployment`
tables of levels, selections of them      –                                        :mod:`.level_model`
base optimizer's diagram (twin)           –                                        :mod:`.base_optimizer`
inside of a learned algorithm             Kenton et al. 2022                       :mod:`.learned_algorithm`
mesa diagrams, emergent incentives        Everitt et al. 2021                      :mod:`.mesa_diagram`
candidates, lookup table                  Hubinger et al. 2019                     :mod:`cidmesa.mesa.derive`
consistency, exactly                      Ng & Russell 2000 (feasible set)         :mod:`.consistent_set`
… of a trainer by minimax regret          Savage 1951; Dennis et al. 2020          :mod:`.per_level`
… of several decisions, policy by policy  –                                        :mod:`.normal_form`
… without listing all policies            Myerson 1991 (reduced normal form)       :mod:`.reduced_policies`
… and comparing those alone that can win  –                                        :mod:`.convex_hull`
… decision by decision (sufficient)       –                                        :mod:`.by_stage`
… of one objective, decisions forgetting  Mauá, de Campos & Zaffalon 2012          :mod:`.by_elimination`
… of one objective, back and forward      Bellman 1957; Lauritzen & Nilsson 2001   :mod:`.dynamic_programming`
sequences, by sweeps over states           Bellman 1957; Ng & Russell 2000          :mod:`cidmesa.mesa.sequences`
… of shared stochastic rules, by name     –                                        :mod:`.by_declared_objective`
… what these cost by what is intended     –                                        :mod:`.by_intended`
possible actions, regret intervals        –                                        :mod:`.regret_interval`
information cover, positions              Hubinger et al. 2019; Cohen et al. 2022  :mod:`.positions`
shift classes, Theorem A (carry-over)     Koller & Milch 2003 (relevance)          :mod:`cidmesa.mesa.graphical.shifts`
interfaces, Theorem B                     –                                        :mod:`.interfaces`
completeness, Theorem C and its dual      –                                        :mod:`.completeness`
what would tell hypotheses apart          –                                        :mod:`.separation`
… in an episode of several decisions      –                                        :mod:`.disagreement`
what no behaviour can tell apart          –                                        :mod:`.identifiability`
what would cure a mesa-objective          –                                        :mod:`cidmesa.mesa.comparison.cure`
alignment as a condition on parameters    –                                        :mod:`.alignment_region`
deceptive alignment                       Hubinger et al. 2019                     :mod:`.deception`
optimal stochastic shared rules           Piccione & Rubinstein 1997               :mod:`.shared_rules`
… and the worst of them for the base      –                                        :mod:`.shared_rule_extremes`
internalised, corrigible, deceptive       Hubinger et al. 2019                     :mod:`.response_patterns`
myopia, swapping, selection               Krueger et al. 2020                      :mod:`.myopia`
tampering                                 Everitt et al. 2021                      :mod:`.tampering`
predictions                               –                                        :mod:`.predictions`
simplicity prior                          Hubinger et al. 2019                     :mod:`cidmesa.mesa.candidates.prior`
========================================  =======================================  ==================================

Not implemented: all objectives at once where one stochastic rule acts twice in a run (declared ones are tried), and
alignment regions there; where policies are too many to list, regret intervals of more than single objectives (targets
with two values have no more); of several decisions the separation as an expression; objectives that are functions of
decisions.

===============  ==============================================================
module           what it holds
===============  ==============================================================
``readings``     what agents are taken to know of a deployment
``setup``        what a training run is
``objectives``   objectives on targets, declared ones and all of them
``graphical``    what the graph alone says
``outcomes``     what each action leads to, as arrays
``consistency``  which objectives training can have selected, and their regrets
``corollaries``  deception, myopia, response patterns
``candidates``   one mesa-optimizer each, with all that can be said of it
``predictions``  what trained agents will do, stated before training
``comparison``   what tells hypotheses apart, what cannot, what would cure one
``sequences``    the derivation of Markov models, by sweeps over states
``symbolic``     alignment as a condition on symbols
``derive``       `derive_mesa_optimizers`, `Family`
===============  ==============================================================
"""

from cidmesa.mesa.candidates.mesa_optimizer import Consistency as Consistency
from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer as MesaOptimizer
from cidmesa.mesa.candidates.prior import SimplicityPrior as SimplicityPrior
from cidmesa.mesa.candidates.ranking import Ranking as Ranking
from cidmesa.mesa.comparison.cure import Cure as Cure
from cidmesa.mesa.comparison.cure import Cures as Cures
from cidmesa.mesa.comparison.cure import distinguishing_training as distinguishing_training
from cidmesa.mesa.comparison.identifiability import Indistinct as Indistinct
from cidmesa.mesa.comparison.identifiability import unidentifiable as unidentifiable
from cidmesa.mesa.comparison.separation import Separation as Separation
from cidmesa.mesa.comparison.separation import separating_shifts as separating_shifts
from cidmesa.mesa.corollaries.deception import Deception as Deception
from cidmesa.mesa.corollaries.deception import is_deceptive as is_deceptive
from cidmesa.mesa.corollaries.deception import phase_cue as phase_cue
from cidmesa.mesa.corollaries.response_patterns import Pattern as Pattern
from cidmesa.mesa.corollaries.response_patterns import response_pattern as response_pattern
from cidmesa.mesa.derive import Family as Family
from cidmesa.mesa.derive import LookupTable as LookupTable
from cidmesa.mesa.derive import derive_mesa_optimizers as derive_mesa_optimizers
from cidmesa.mesa.graphical.completeness import Disagreement as Disagreement
from cidmesa.mesa.graphical.completeness import disagreeing_models as disagreeing_models
from cidmesa.mesa.graphical.interfaces import Interface as Interface
from cidmesa.mesa.graphical.shifts import ShiftClass as ShiftClass
from cidmesa.mesa.graphical.unrolled import unroll as unroll
from cidmesa.mesa.sequences.candidate import SequenceOptimizer as SequenceOptimizer
from cidmesa.mesa.sequences.cure import cures_of_a_sequence as cures_of_a_sequence
from cidmesa.mesa.sequences.family import SequenceFamily as SequenceFamily
from cidmesa.mesa.sequences.setup import SequenceSetup as SequenceSetup
from cidmesa.mesa.setup.level_model import Levels as Levels
from cidmesa.mesa.setup.level_model import Selection as Selection
from cidmesa.mesa.setup.level_model import levels as levels
from cidmesa.mesa.setup.level_table import LevelTable as LevelTable
from cidmesa.mesa.setup.training import Deployment as Deployment
from cidmesa.mesa.setup.training import Phases as Phases
from cidmesa.mesa.setup.training import TrainingSetup as TrainingSetup
from cidmesa.mesa.symbolic.alignment_region import AlignmentRegion as AlignmentRegion
from cidmesa.mesa.symbolic.alignment_region import alignment_region as alignment_region
