"""Worlds that are larger than a diagram, and what agents are measured by in them.

=============  ====================================================================
module         what it holds
=============  ====================================================================
``registers``  a register that stores what is right, and can be overwritten
=============  ====================================================================
"""
