"""What each action leads to: the arrays that consistency and regrets are read off.

======================  =================================================================================
module                  what it holds
======================  =================================================================================
``outcome_table``       P(context), P(targets | context, action), base values: one distribution as arrays
``one_decision``        outcome tables context by context
``per_level``           the same level by level, for trainers that select by the worst one
``normal_form``         outcome tables policy by policy
``per_level_policies``  the same level by level
``reduced_policies``    deterministic policies told apart only where they act differently
``convex_hull``         the actions that are optimal for some objective
``stale_beliefs``       what an optimizer believes that never noticed it left training
``disagreement``        how much of what is seen tells two hypotheses apart
``for_setup``           the right kind of tables for a setup
``stand_ins``           forbidden actions, as second names of an allowed one
======================  =================================================================================
"""
