"""What a training run is: a base diagram, how it is trained, where the result is deployed.

=====================  ===================================================================
module                 what it holds
=====================  ===================================================================
``deployment``         deployments, phases, feedback
``level_table``        a table of episodes by what is in them
``level_model``        `levels`: such a table as a model, selections of it as deployments
``selection``          by what training selects: the expected score, or the worst level
``training``           `TrainingSetup`
``base_optimizer``     the base optimizer's own diagram: one decision, the parameters
``learned_algorithm``  the inside of a learned algorithm, spliced in
=====================  ===================================================================
"""
