r"""Exact answers for models with symbols.

Where probabilities and utilities are sympy expressions, so are the answers: an expected utility is a polynomial (or a
rational function), and the optimal policy is a list of *cases*, each a region of the parameter space with the rule that
is optimal in it.

====================================  ==================================================================================
:func:`joint`                         probabilities as expressions
:func:`expected_utility`              an expected utility
:func:`optimal_policies`              the cases
:func:`optimal_value`                 the value of the best policy, a maximum of expressions
:func:`value_of_information`          the magnitudes of :mod:`cidmesa.solve` under the same names and with the same
:func:`value_of_control`              arguments, as expressions
:func:`total_effect`
:func:`response_effect`               with ``policy=``, of that policy; without, the least over all optimal policies:
:func:`instrumental_control_effect`   a ``Piecewise`` whose conditions are the regions
:func:`impact`
:func:`introduced_total_effect`
:func:`introduced_total_variation`
:func:`intention`                     the condition under which an outcome is intended
====================================  ==================================================================================

What is said of all optimal policies holds on the borders between regions too, where the policies of both are optimal,
and where probabilities are 0 or 1 and contexts cannot occur: of a ``Piecewise`` the first piece whose condition holds
counts. A border that cannot be solved for a symbol is left open (``nan``): put numbers into the model, and ask again.

Everything is computed in exact rational arithmetic; floats are read as they were meant. Numbers put
in afterwards give what :func:`cidmesa.solve.solve` gives.

>>> import cidmesa as cm
>>> from sympy.abc import p
>>> cid = cm.CID([("rain", "umbrella"), ("rain", "comfort"), ("umbrella", "comfort")], decisions=["umbrella"],
...              utilities=["comfort"]).without_edges(("rain", "umbrella"))
>>> model = cid.parameterise(rain=cm.Bernoulli(p), umbrella=["take", "leave"],
...                          comfort=lambda rain, umbrella: -1 if umbrella == "take" else -4 * rain)
>>> for case in optimal_policies(model):
...     print(case.condition, "->", case.policy["umbrella"][()], "worth", case.value)
p >= 1/4 -> take worth -1
p <= 1/4 -> leave worth -4*p
>>> value_of_information(model, "rain")
-p - Max(-1, -4*p)

=======================  ====================================================================
module                   what it holds
=======================  ====================================================================
``algebra``              exact tables of polynomials and rational functions
``expressions``          maxima, minima and pieces of sympy expressions
``regions``              regions of a parameter space
``program``              linear programs with symbols
``cases``                which policy is optimal where
``queries``              probabilities and expected utilities
``policies``             the optimal policy as a list of cases
``boxes``                every optimal policy, region by region
``values``               information, control, interventions
``effects``              responses, instrumental control, impact
``intention_condition``  intentions as conditions on the symbols
``borders``              what holds on the borders between regions and of the parameter space
=======================  ====================================================================
"""

from cidmesa.solve.symbolic.cases import Case as Case
from cidmesa.solve.symbolic.effects import impact as impact
from cidmesa.solve.symbolic.effects import instrumental_control_effect as instrumental_control_effect
from cidmesa.solve.symbolic.effects import response_effect as response_effect
from cidmesa.solve.symbolic.intention_condition import intention as intention
from cidmesa.solve.symbolic.policies import optimal_policies as optimal_policies
from cidmesa.solve.symbolic.policies import optimal_value as optimal_value
from cidmesa.solve.symbolic.queries import expected_utility as expected_utility
from cidmesa.solve.symbolic.queries import joint as joint
from cidmesa.solve.symbolic.values import introduced_total_effect as introduced_total_effect
from cidmesa.solve.symbolic.values import introduced_total_variation as introduced_total_variation
from cidmesa.solve.symbolic.values import total_effect as total_effect
from cidmesa.solve.symbolic.values import value_of_control as value_of_control
from cidmesa.solve.symbolic.values import value_of_information as value_of_information
