"""Witnesses: for a yes, a model on the diagram that really has the incentive.

==================  ===================================================================
module              what it holds
==================  ===================================================================
``build``           the model that a yes is shown by
``paths``           the paths that a witness is built along
``bit_tracks``      models made of bits that travel along paths
``search``          small random models for several decisions
``linear_search``   drawn mechanisms, the utility by linear programming
``games``           small games, all of whose deterministic policies are played at once
``check``           the exact solver's word on a witness
``best_responses``  utilities for which the others' rules are best responses
==================  ===================================================================
"""
