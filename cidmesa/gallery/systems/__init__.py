"""The systems of the gallery, one a file.

=========================  =====================================================================
module                     what it holds
=========================  =====================================================================
``red_door``               agents trained in mazes where every door is red
``biggest_rock``           to find a rock in a list, or to acquire it in the world
``deceptive_alignment``    a model that behaves until it is deployed
``dqn_or_ppo``             whose preferences hang together better
``evolution``              lineages selected by offspring, whose brains want food and sex
``in_context_regression``  layers of attention that fit the examples they are shown
``lookup_table``           planners, and tables that do what planners would have done
``loss_register``          an answerer that is paid by a register of answers, and a wire into it
``myopia``                 learners that may act for whoever comes next
``pain_or_genes``          a simple proxy against a truth that takes a model of the world
``thinking_time``          recurrent nets that are right more often when they may think longer
``trained_oracle``         predictions that come true because they are heeded
``value_iteration_net``    networks that plan for rewards which can be exchanged inside them
=========================  =====================================================================
"""
