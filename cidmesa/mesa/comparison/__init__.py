"""Hypotheses compared: what tells them apart, what cannot, and what would cure one.

===================  ====================================================================
module               what it holds
===================  ====================================================================
``separation``       the shifts under which two hypotheses come apart
``identifiability``  what no behaviour can tell apart
``cure``             changes of training that remove a mesa-objective or make it harmless
===================  ====================================================================
"""
