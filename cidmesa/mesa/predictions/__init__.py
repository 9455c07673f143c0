"""What each hypothesis says that trained agents will do, before any is trained.

=======================  =================================================================
module                   what it holds
=======================  =================================================================
``predictions``          all rows of a family
``claims``               what one hypothesis says of one distribution
``comparable_contexts``  which contexts a rule can be compared in, and how often they come
=======================  =================================================================
"""
