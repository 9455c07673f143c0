"""The systems of the gallery, one a file.

=================  =====================================================================
module             what it holds
=================  =====================================================================
``red_door``       agents trained in mazes where every door is red
``biggest_rock``   to find a rock in a list, or to acquire it in the world
``evolution``      lineages selected by offspring, whose brains want food and sex
``loss_register``  an answerer that is paid by a register of answers, and a wire into it
``pain_or_genes``  a simple proxy against a truth that takes a model of the world
=================  =====================================================================
"""
