"""What each hypothesis says that trained agents will do, before any is trained.

=======================  =================================================================
module                   what it holds
=======================  =================================================================
``predictions``          all rows of a family
``claims``               what one hypothesis says of one distribution
``kinds``                rows about what agents do when one thing is changed: a file for each kind
``comparable_contexts``  which contexts a rule can be compared in, and how often they come
=======================  =================================================================
"""
