"""Sequences: the derivation of finite-horizon Markov models, by sweeps over their states.

=================  ====================================================================================
module             what it holds
=================  ====================================================================================
``sweeps``         what is best, what the worst of the best earns, and where policies come, in integers
``tables``         a step as arrays of branches
``setup``          `SequenceSetup`: a step, the horizon, the deployments
``additive``       one additive objective: its actions and its regrets, exactly
``existence``      whether some additive objective is consistent
``certificates``   the proofs of that, checked from scratch
``candidate``      one mesa-optimizer of a sequence
``family``         all of them
=================  ====================================================================================
"""
