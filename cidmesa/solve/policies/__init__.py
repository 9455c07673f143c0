"""Optimal policies: the order of decisions, one optimum, every optimum, agents that forget, shared rules.

=======================  =====================================================================
module                   what it holds
=======================  =====================================================================
``decision_order``       decisions in the order in which they can be solved
``carrying_out``         the same in numbers
``dynamic_programming``  optimal actions everywhere, worst and best of them, what they enter
``problem``              what is to be solved, and what a method found
``optimal``              `solve`: which method runs
``search``               policies where decisions cannot be solved one by one
``limited_memory``       agents that forget: which of the next three answers, and all optimal actions
``value_sets``           their optima by sets of value tables, in exact arithmetic, or brackets
``among_optimal``        what optimal policies are worth by other utilities, at least and at most
``free_order``           the same by sets of pairs, variables in any order
``elimination_order``    which variable to take out next
``pruning``              which tables of a set are ever needed
``policy_batch``         several policies at once
``shared_rule``          the best stochastic rule that two decisions share
``shared_polynomial``    the best stochastic rule that more decisions share
``bernstein``            the largest value of a polynomial over a box
``standard_quadratic``   the largest value of a quadratic form over simplices
``step_model``           many states step by step, agents that plan some way ahead
``all_optimal``          every optimal policy at once
``solution``             what solving returns
``ties``                 which actions are best, by bounds on rounding and exact numbers
``stakes``               what the worst policy and the best are worth
``worth``                what a policy is worth, with a bound on its rounding
=======================  =====================================================================
"""
