"""Worlds that are larger than a diagram, and what agents are measured by in them.

=============  ====================================================================
module         what it holds
=============  ====================================================================
``lineages``   genomes under selection, and the brains that are born with them
``registers``  a register that stores what is right, and can be overwritten
=============  ====================================================================
"""
