"""What a training run is: a base diagram, how it is trained, where the result is deployed.

=====================  ==============================================================
module                 what it holds
=====================  ==============================================================
``deployment``         deployments, phases, feedback
``training``           `TrainingSetup`
``base_optimizer``     the base optimizer's own diagram: one decision, the parameters
``learned_algorithm``  the inside of a learned algorithm, spliced in
=====================  ==============================================================
"""
