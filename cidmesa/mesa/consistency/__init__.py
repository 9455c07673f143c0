"""Which objectives training can have selected, and what they cost elsewhere.

=========================  =======================================================================
module                     what it holds
=========================  =======================================================================
``choices``                one action per context that an objective may be worst at
``consistent_set``         all objectives that training can have selected
``integer_program``        the mixed-integer program over objectives and choices
``regret_interval``        possible actions, and the least and largest regret in a deployment
``rule_polynomials``       expectations as polynomials in the entries of rules
``shared_rules``           optimal stochastic rules where one rule serves several decisions
``shared_rule_extremes``   the best and the worst of them for the base
``method``                 what every method answers about a candidate
``by_cone``                all objectives at once
``by_declared_objective``  declared objectives one by one
``by_intended``            regrets by what is intended, of objectives that are tried one by one
``one_by_one``             single objectives: what is said of a set of which not all is known
``by_stage``               policies too many to list: a sufficient test, and single objectives
``by_elimination``         … where decisions forget, too: single objectives, exactly
``frozen_rules``           what optimizers of several decisions do whose rules were fixed in training
``joint_search``           what one objective may do in many contexts at once, by branch and bound
=========================  =======================================================================
"""
