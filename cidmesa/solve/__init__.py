r"""Exact numbers: optimal policies, probabilities, effects, equilibria.

===================================  ===============================  ====================================
what                                 source                           function
===================================  ===============================  ====================================
optimal policy, all optimal actions  Lauritzen & Nilsson 2001         `solve`
worst and best optimizers, chains    Bellman 1957                     the module `dynamic_programming`
forgetful agents, shared rules       listing; single policy updating  `solve`
one stochastic rule used twice       Piccione & Rubinstein 1997       `solve`, by listing supports
some moves ahead, afresh each move   Farquhar et al. 2025             :mod:`.step_model`
P(x | e, do(y))                      Pearl 2009                       `query`, `joint`
expected utility                     Dechter 2000                     `expected_utility`
P(pa), P(t | pa, do(d))              Ng & Russell 2000                `context_law`, `outcome_law`
what would have been                 Pearl 2009, ch. 7                `counterfactual`, `twin_network`
worlds side by side, paths cut       Pearl 2001                       `parallel_worlds`
value of information                 Everitt et al. 2021, Def. 8      `value_of_information`
response                             Everitt et al. 2021, Def. 11     `response_effect`
value of control                     Everitt et al. 2021, Def. 15     `value_of_control`
instrumental control                 Everitt et al. 2021, Def. 17     `instrumental_control_effect`
total effect                         Pearl 2001                       `total_effect`
introduced effects                   Ashurst et al. 2022              `introduced_total_effect`
impact                               Carey et al. 2020                `impact`
intention                            Ward et al. 2024                 `intention`
who is made worse off                Richens et al. 2022, Def. 3      `harm`
where a utility comes from           a table by contribution          `explain`
best response, equilibria            Hammond et al. 2023              `best_response`, `pure_equilibria` …
all extreme equilibria of two        Avis et al. 2010                 `mixed_equilibria`
one of two with many contexts        Koller et al. 1996               `zero_sum_equilibrium`
some of three or more                Porter et al. 2008               `mixed_equilibria`
mixed strategies as rules            Kuhn 1953                        `mixed_equilibria`
Gambit's extensive form              McKelvey et al.                  `to_efg`
symbols instead of numbers           regions of optimality            the package `symbolic`
===================================  ===============================  ====================================

All of it rests on three modules: :mod:`cidmesa.solve.tables.elimination` plans and runs products of tables,
:mod:`.decision_order` orders the decisions, and :mod:`.ties` says which values are equal: in exact arithmetic, on the
numbers as they were meant, wherever rounding could decide otherwise. :mod:`.strategic_form` writes games as tables, and
:mod:`.standard_quadratic` finds the best stochastic rule of two decisions. A result that is not the exact answer
says so (``Solution.exact``, ``Magnitude.exact``); a table too large to make is refused before anything is computed.

Not implemented: continuous variables; approximate inference by sampling; the best stochastic rules where more than two
decisions share one, or several pairs do; all mixed equilibria of more than two agents; the sequence form of games
that are not zero-sum; counterfactuals and games with symbols.

==============  ==================================================
module          what it holds
==============  ==================================================
``tables``      products and sums of tables
``queries``     probabilities, expected utilities, counterfactuals
``policies``    optimal policies
``magnitudes``  how strong incentives are
``symbolic``    the same for models with symbols
``games``       several agents
==============  ==================================================
"""

from cidmesa.solve.games.equilibria import Equilibrium as Equilibrium
from cidmesa.solve.games.equilibria import Mixture as Mixture
from cidmesa.solve.games.equilibria import best_response as best_response
from cidmesa.solve.games.equilibria import is_equilibrium as is_equilibrium
from cidmesa.solve.games.equilibria import mixed_equilibria as mixed_equilibria
from cidmesa.solve.games.equilibria import pure_equilibria as pure_equilibria
from cidmesa.solve.games.equilibria import subgame_perfect_equilibria as subgame_perfect_equilibria
from cidmesa.solve.games.equilibria import zero_sum_equilibrium as zero_sum_equilibrium
from cidmesa.solve.games.gambit import to_efg as to_efg
from cidmesa.solve.magnitudes.counterfactual_harm import Harm as Harm
from cidmesa.solve.magnitudes.counterfactual_harm import harm as harm
from cidmesa.solve.magnitudes.effects import has_instrumental_control_incentive as has_instrumental_control_incentive
from cidmesa.solve.magnitudes.effects import has_response_incentive as has_response_incentive
from cidmesa.solve.magnitudes.effects import impact as impact
from cidmesa.solve.magnitudes.effects import instrumental_control_effect as instrumental_control_effect
from cidmesa.solve.magnitudes.effects import is_response_forced as is_response_forced
from cidmesa.solve.magnitudes.effects import response_effect as response_effect
from cidmesa.solve.magnitudes.explain import Explanation as Explanation
from cidmesa.solve.magnitudes.explain import explain as explain
from cidmesa.solve.magnitudes.intention import Intention as Intention
from cidmesa.solve.magnitudes.intention import intention as intention
from cidmesa.solve.magnitudes.magnitude import Magnitude as Magnitude
from cidmesa.solve.magnitudes.values import introduced_total_effect as introduced_total_effect
from cidmesa.solve.magnitudes.values import introduced_total_variation as introduced_total_variation
from cidmesa.solve.magnitudes.values import total_effect as total_effect
from cidmesa.solve.magnitudes.values import value_of_control as value_of_control
from cidmesa.solve.magnitudes.values import value_of_information as value_of_information
from cidmesa.solve.policies.optimal import solve as solve
from cidmesa.solve.policies.solution import Solution as Solution
from cidmesa.solve.queries.counterfactual import counterfactual as counterfactual
from cidmesa.solve.queries.counterfactual import counterfactual_utility as counterfactual_utility
from cidmesa.solve.queries.counterfactual import twin_network as twin_network
from cidmesa.solve.queries.decision_laws import context_law as context_law
from cidmesa.solve.queries.decision_laws import outcome_law as outcome_law
from cidmesa.solve.queries.distribution import Distribution as Distribution
from cidmesa.solve.queries.parallel_worlds import World as World
from cidmesa.solve.queries.parallel_worlds import Worlds as Worlds
from cidmesa.solve.queries.parallel_worlds import parallel_worlds as parallel_worlds
from cidmesa.solve.queries.query import expected_utility as expected_utility
from cidmesa.solve.queries.query import joint as joint
from cidmesa.solve.queries.query import query as query
from cidmesa.solve.queries.support import contexts_that_come_up as contexts_that_come_up
