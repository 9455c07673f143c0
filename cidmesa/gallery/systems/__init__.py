"""The systems of the gallery, one a file.

=======================  =====================================================
module                   what it holds
=======================  =====================================================
``red_door``             agents trained in mazes where every door is red
``deceptive_alignment``  a model that behaves until it is deployed
``dqn_or_ppo``           whose preferences hang together better
``myopia``               learners that may act for whoever comes next
``trained_oracle``       predictions that come true because they are heeded
=======================  =====================================================
"""
