"""The kinds of rules that are learned, each one file to be read from top to bottom.

==============  ==============================================================================================
module          what it holds
==============  ==============================================================================================
``tabular``     one row of logits for each context
``mlp``         a multilayer perceptron on the coded observations
``rnn``         a gated net that reads the observations one by one, and may think on after the last
``vin``         a net that plans by value iteration in a small world of its own making
``attention``   self-attention among the observations, linear or softmax
``planner``     learns the mechanisms from its episodes, and plans in them
``rule``        what a rule is, and what rules share: inputs, starts, what is forbidden
``registry``    the kinds by name; more may be registered
==============  ==============================================================================================

Every parameter has a leading axis for the agents, and no rule loops over agents or contexts. A rule maps (context,
code) of a decision's parents to logits of its actions; decisions that share a rule share its parameters. Nets compute
in single precision, unless ``dtype=`` says otherwise, and all rules hand over logits in double. A new kind is a class
with ``inputs``, ``start`` and ``logits``; what it has to keep is tested by :func:`cidmesa.agents.check_policy`.
"""
