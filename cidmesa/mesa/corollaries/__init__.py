"""Deceptive alignment, myopia and response patterns, as consequences of the general theory.

=====================  =========================================================================================
module                 what it holds
=====================  =========================================================================================
``deception``          complying while it pays
``myopia``             whether an update credits a decision with what comes later
``response_patterns``  internalised, corrigible or deceptive: how behaviour responds to a changed base objective
=====================  =========================================================================================
"""
