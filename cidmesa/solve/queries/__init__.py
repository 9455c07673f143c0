"""Probabilities, expected utilities and counterfactuals under a policy.

===================  ============================================================
module               what it holds
===================  ============================================================
``query``            probabilities and expected utilities
``evidence``         a model once something has been observed
``distribution``     a joint distribution over named nodes
``decision_laws``    what a decision meets, and what each action leads to
``counterfactual``   what would have been
``parallel_worlds``  several worlds in one model
``payoffs``          the uniform policy, reached contexts, the range of utilities
``support``          which contexts can come up
===================  ============================================================
"""
