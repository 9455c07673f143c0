"""Objectives on targets: the declared ones, and all of them as cones.

==============  =========================================
module          what it holds
==============  =========================================
``declared``    the objectives that are tried by name
``cones``       sets of objectives as linear inequalities
``generators``  such a cone as sums of rays, exactly
==============  =========================================
"""
