"""Objectives on targets: the declared ones, and all of them as cones."""
