"""The systems of the gallery, one a file.

=========================  ==========================================================
module                     what it holds
=========================  ==========================================================
``red_door``               agents trained in mazes where every door is red
``in_context_regression``  layers of attention that fit the examples they are shown
``lookup_table``           planners, and tables that do what planners would have done
``thinking_time``          recurrent nets that are right more often when they may think longer
``value_iteration_net``    networks that plan for rewards which can be exchanged inside them
=========================  ==========================================================
"""
