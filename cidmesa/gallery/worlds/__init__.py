"""Worlds that are larger than a diagram: nets, mazes and prompts in which the agents of some systems live.

===================  ================================================================================
module               what it holds
===================  ================================================================================
``in_context``       prompts of examples, layers of self-attention, and one step of gradient descent
``one_step``         what the best step of gradient descent comes to there, in closed form
``grids``            mazes on a square grid: distances, shortest moves
``memories``         situations in known and new mazes; planners and tables that move in them
``maze_nets``        nets that learn to move in them
``value_iteration``  mazes with two marked cells; value-iteration networks
``thinking``         mazes with long ways; recurrent nets that think tick by tick
``judged``           populations that a world answers for, judged in a diagram's terms
``measured``         findings on numbers that a world measures of each agent
===================  ================================================================================
"""
