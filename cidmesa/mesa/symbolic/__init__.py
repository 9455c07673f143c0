"""Alignment as a condition on the symbols of a model.

====================  ==============================================================
module                what it holds
====================  ==============================================================
``action_values``     action values as expressions, and what is known of their signs
``alignment_region``  where in the parameter space training and deployment agree
====================  ==============================================================
"""
