"""The learners, each one file to be read from top to bottom, and the loop that drives them.

==============  ==============================================================================================
module          what it holds
==============  ==============================================================================================
``exact``       gradient of the expected score itself
``reinforce``   policy gradient on an agent's own episodes
``ppo``         the same with a critic and several clipped steps on the same episodes
``dqn``         values of actions learned from what they led to; acts on the largest
``supervised``  cross-entropy with a node that says what would be right
``evolution``   populations of rules, selected and mutated
``task``        what a learner is given, and what learners share: episodes, credit, probabilities
``optimizer``   Adam for many agents at once
``loop``        the steps, stopping, resuming
``registry``    the learners by name; more may be registered
==============  ==============================================================================================

No learner loops over agents or episodes: every tensor has a leading axis for the agents, and a loss is a *sum* over
them, so each gets exactly the gradient it would get alone. A new learner is a function from a :class:`.task.Task` to a
:class:`.loop.Program`; what it has to keep is tested by :func:`cidmesa.agents.check_learner`.
"""
