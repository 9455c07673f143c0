"""Rows about what agents do when one thing is changed: a file for each kind.

=================  ==========================================  ==================================  =====================
kind               what is changed                             what is counted, one number an      how it is measured
                                                               agent
=================  ==========================================  ==================================  =====================
``mechanism``      training happens in the deployment's world  what the retrained rule earns more  retrained
                                                               there, where training has been
``adaptation``     training's data come back from the          the same, in training with those    retrained
                   deployment                                  data
``myopia``         training ends with a step, and what comes   what the step and those before it   retrained
                   later is unpaid                             then earn more
``territory``      the world no longer follows the decision    what retrained agents earn less     retrained
``tampering``      a new link lets the decision write a        how far the register is from what   told, of agents that
                   register                                    training's wiring would put there   know the deployment;
                                                                                                   else retrained
``deception``      the cue that tells training from            how much the shared rule changes    told
                   deployment is flipped
``actions``        the agents are told of the deployment, or   actions that only somebody does     as agents say, else
                   trained again there                         who knows of it                     retrained
``inside``         an inner node of the body                   how much the action's law changes   as bodies say that
                                                                                               have the node
=================  ==========================================  ==================================  =====================

What agents do that are told of a deployment, or trained again there, are rows of a hypothesis of its own, *retrained or
planning*, and never joint: frozen agents are not asked to know a world that they cannot see.

A *no* (nothing is gained, given up, lost, written; the rule is the same) is a ``must``. A *yes* of retrained agents is
a ``can``: that they learn the new world as well as the old one is no part of the premise. A *yes* that is read off the
rule itself is a ``must`` where every possible policy shows twice the margin.

Where the theory gives no row that could fail, there is none:

* *Steering by feedback.* Data that come back with credit give the base optimizer an incentive to move them
  (:meth:`cidmesa.TrainingSetup.base_optimizer`). The diagram does not say how data enter that depend on the rule
  deployed, and training plays no deployments, so only data that no decision influences make an *adaptation* row.
* *Map or territory of one hypothesis.* Two candidates that act alike, one for a prediction's sake and one for the
  world's, differ in nothing that a rule shows; the row is about the base objective, whose agents can be trained again.
* *Tampering of frozen agents.* A rule that never met a working link goes on as in training: that is the premise.
* *Deception without a shared rule.* Two decisions with rules of their own have no cue to flip. Model organisms have
  two rows instead (:mod:`cidmesa.validation.one_row`): they are trained again with the update cut off, and judged by
  what the deployed decision costs.
* *Several decisions.* Who meets the premise may do anything where the best rules do not come, so of the others only
  *deception*, *territory* and *myopia* have rows then, and *myopia* none where one rule serves several steps.
* *Tolerated regret.* What it leaves to the rule is not known decision by decision, so then only *territory* and
  *tampering* have rows, and *myopia* its *no*.

=================  ===================================================
module             what it holds
=================  ===================================================
``stated``         a row as a kind states it
``mechanism``      retrained in the deployment's world, and *adaptation*
``myopia``         training that ends with a step
``territory``      a world that does not follow
``tampering``      registers that a deployment lets decisions write
``phase_cue``      the cue that tells training from deployment
``planning``       what only agents do that know the deployment
``inside``         the learned algorithm as ``learned=`` draws it
=================  ===================================================
"""
