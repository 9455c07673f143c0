r"""What each agent's rule loses in every distribution, by the base utility and by what is intended.

Harm by tampering is nothing by the utility that reads the tampered register, and shows by what the designers want.

>>> import cidmesa as cm
>>> cid = cm.CID([("work", "done"), ("done", "register"), ("register", "pay")], decisions=["work"], utilities=["pay"])
>>> model = cid.parameterise(work=["idle", "work", "write"], done=lambda work: int(work == "work"),
...                          register=cm.Function(lambda done: done, domain=[0, 1]), pay=lambda register: register)
>>> register = {"register": lambda done, work: max(done, int(work == "write"))}
>>> writable = cm.Deployment(register, edges=[("work", "register")])
>>> setup = cm.TrainingSetup(model, {"writable": writable}, intended="done")
>>> writes = {"work": lambda: "write"}
>>> found = regrets(setup, [writes])
>>> {name: (base.tolist(), intended.tolist()) for name, (base, intended) in found.items()}
{'training': ([1.0], [1.0]), 'writable': ([0.0], [1.0])}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cidmesa.arrays import Floats
from cidmesa.mesa.graphical.mesa_diagram import mesa_model, with_mesa_utility
from cidmesa.mesa.objectives.declared import Objective, domain_of, numbers_of
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.validation.goals import values


@dataclass(frozen=True, slots=True)
class Lost:
    """What agents lose in one distribution, in base-utility units.

    Attributes
    ----------
    agents
        Of each agent: what the best policy earns there, less what it does.
    range
        What can be lost: what the best policy earns less what the worst does.
    """

    agents: Floats
    range: float

    @property
    def mean(self) -> float:
        """The mean over agents."""
        return float(self.agents.mean())


def regrets(setup: TrainingSetup, policies: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[Floats, Floats]]:
    """Return, by distribution, what each policy loses by the base utility and by what is intended.

    Parameters
    ----------
    setup
        With numbers and with ``intended=``.
    policies
        One per agent: decision → table or function.

    Notes
    -----
    Each against the best policy for its utility in that distribution. With one decision all agents at once from the
    action values, with several one solution a distribution and one expectation an agent.
    """
    node = setup.intended
    if node is None:
        return {}
    wanted = Objective(node, (node,), numbers_of(setup, node), (domain_of(setup, node),))
    found = {}
    for name in setup.distributions:
        there = setup.deployed(name)
        meant = mesa_model(with_mesa_utility(there.cid, [node]), there, wanted)
        found[name] = (_lost(setup, there, policies), _lost(setup, meant, policies))
    return found


def _lost(setup: TrainingSetup, model: CIM, policies: Sequence[Mapping[str, Any]]) -> Floats:
    """Return what each policy loses by the utilities of a model."""
    if len(model.cid.decisions) > 1:
        best = float(model.solve(shared_rules=setup.shared_rules).value)
        return np.array([max(0.0, best - model.expected_utility(policy)) for policy in policies])
    (decision,) = model.cid.decisions
    worth = values(None, model)
    may = model.allowed(decision)
    free = np.ones(worth.shape, dtype=bool) if may is None else may.reshape(worth.shape)
    law = np.asarray(model.query(model.cid.parents(decision)).probabilities, dtype=np.float64).reshape(-1)
    loss = law[:, None] * (worth.max(axis=1, keepdims=True, where=free, initial=-np.inf) - worth)
    rules = np.array([np.asarray(model.read_policy(policy)[decision]).reshape(worth.shape) for policy in policies])
    lost: Floats = np.maximum(0.0, np.einsum("nca,ca->n", rules, loss))
    return lost
