"""Sequences: the derivation of finite-horizon Markov models, by sweeps over their states.

=================  ====================================================================================
module             what it holds
=================  ====================================================================================
``sweeps``         what is best, what the worst of the best earns, and where policies come, in integers
``tables``         a step as arrays of branches
``levels``         levels, for training that selects by the worst of them
``setup``          `SequenceSetup`: a step, the horizon, the deployments
``additive``       one additive objective: its actions and its regrets, exactly
``alike``          states that no objective on some targets tells apart, and what follows
``existence``      whether some additive objective is consistent
``in_turns``       the same where there are many ties, a search for a yes
``surrounded``     the same where the base has very many optimal policies, all of them at once
``certificates``   the proofs of that, checked from scratch
``one_rule``       one rule for all moves, without a clock: what it earns at best, what it costs
``bracket``        what such rules may do in each state, from both sides
``without_clock``  a hypothesis where one rule serves all moves
``candidate``      one mesa-optimizer of a sequence
``predictions``    what trained agents will do, stated before training
``cure``           changes of training that remove a hypothesis, or make it harmless
``as_diagram``     a sequence as a diagram of all its moves, for training and judging agents
``family``         all of them, `SequenceFamily`
=================  ====================================================================================
"""
