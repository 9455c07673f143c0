"""Worlds that are larger than a diagram: nets, mazes and prompts in which the agents of some systems live.

===================  ===============================================================================
module               what it holds
===================  ===============================================================================
``descent``          gradient descent on all nets of a world at once
``grids``            mazes on a square grid: distances, shortest moves
``in_context``       prompts of examples, layers of self-attention, and one step of gradient descent
``judged``           populations that a world answers for, judged in a diagram's terms
``lineages``         genomes under selection, and the brains that are born with them
``maze_nets``        nets that learn to move in mazes
``memories``         situations in known and new mazes; planners and tables that move in them
``one_step``         what the best step of gradient descent comes to there, in closed form
``phases``           two phases of training with one rule, and the closed form
``registers``        a register that stores what is right, and can be overwritten
``sharing``          learners that act for each other and exchange their worlds
``thinking``         mazes with long ways; recurrent nets that think tick by tick
``value_iteration``  mazes with two marked cells; value-iteration networks
===================  ===============================================================================
"""
