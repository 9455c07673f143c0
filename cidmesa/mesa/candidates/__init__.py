"""Candidate mesa-optimizers: one hypothesis each, with all that can be said of it.

==================  ===============================================================
module              what it holds
==================  ===============================================================
``targets``         how candidates are named, and what they are drawn from
``collection``      the candidates of one derivation, by name, in order, by verdict
``derivation``      what the candidates of one family share
``mesa_optimizer``  one hypothesis, and everything that can be said of it
``in_deployment``   all that is known of one candidate in one deployment
``per_deployment``  answers per deployment, computed when looked up
``prior``           the declared simplicity prior
``ranking``         hypotheses ranked under a declared prior
``tampering``       what a candidate would steer once a deployment lets it
==================  ===============================================================
"""
