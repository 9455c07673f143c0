r"""Retrained or planning: what only agents do that know the deployment.

A frozen rule does in a context of training what it did there, whatever has shifted. An agent that is given the deployed
world, or is trained again in it, may do something else. *Intervention*: the agents are told of the deployment
(``agents.knowing(name)`` returns them so, see :mod:`cidmesa.validation.knowing`), else trained again there with the
same seeds and noise. *Statistic*: how often they take an action that is not possible for the hypothesis under the
*competent* reading, counted only in contexts where its competent actions and all *stale* ones are disjoint (theory:
"which reading predicts").

*Claim*: some do as the competent reading of a hypothesis says, a ``can``, never joint. There is a row where such
contexts come up so often that no frozen agent within the premise shows it: twice the margin, less what such agents may
do where training hardly ever comes. Hypotheses that say the same are one row.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "sensor"), ("sensor", "go"), ("go", "at_door"), ("door", "at_door"), ("at_door", "reward")],
...              decisions=["go"], utilities=["reward"])
>>> model = cid.parameterise(door=cm.Uniform("L", "R"), sensor=lambda door: door, go=["L", "R"],
...                          at_door=lambda go, door: int(go == door), reward=lambda at_door: at_door)
>>> crossed = {"sensor": lambda door: "R" if door == "L" else "L"}
>>> family = cm.derive_mesa_optimizers(cm.TrainingSetup(model, {"crossed wires": crossed}))
>>> row = family.predictions()["retrained or planning/crossed wires/actions/go as at_door = reward/retrained"]
>>> row.modality, row.expected
('can', ((('L',), ('R',)), (('R',), ('L',))))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cidmesa.arrays import Mask
from cidmesa.mesa.predictions.claims import Claim, Hypothesis, World, held_loosely, mask_of, name_of, possible_mask
from cidmesa.mesa.predictions.comparable_contexts import depends_on_rules
from cidmesa.mesa.predictions.kinds.stated import PLANNING, Stated
from cidmesa.mesa.readings import COMPETENT


def rows(world: World, hypotheses: Sequence[Hypothesis], margin: float, tolerance: float) -> Iterator[Stated]:
    """State for each decision what only agents do that know the deployment."""
    model = world.model
    for decision in model.cid.decisions if hypotheses and tolerance == 0 else ():
        if depends_on_rules(model.cid, decision):
            continue
        frozen = [world.possible(h, decision) for h in hypotheses]
        if any(mask is None for mask in frozen):
            continue
        stale = np.any([mask for mask in frozen if mask is not None], axis=0)
        stale |= world.best_in_training(decision) & ~world.counted[decision][:, None]
        law = world.tables[decision].reshape(-1)
        said: dict[bytes, list[str]] = {}
        tables = {}
        for h in hypotheses:
            if float(law[_may_part(world, h, decision, stale)].sum()) < 2 * margin:
                continue
            knows = possible_mask(h, world.name, decision, model, COMPETENT)
            if knows is None:
                continue
            apart = (law > 0) & ~(knows & stale).any(axis=1)
            moves = law * apart
            seen = ~world.counted[decision]
            loose = held_loosely(world.comes_in_training[decision], np.where(seen, moves, 0.0), margin)
            if float(moves.sum()) - loose >= 2 * margin:
                key = knows[apart].tobytes() + apart.tobytes()
                said.setdefault(key, []).append(name_of(h))
                tables[key] = knows, apart
        domain = model.domain(decision)
        for key, names in said.items():
            knows, apart = tables[key]
            table = tuple(
                (context, tuple(action for action, ok in zip(domain, row, strict=True) if ok))
                for context, row, counts in zip(model.contexts(decision), knows, apart, strict=True)
                if counts
            )
            who = " = ".join(names)
            because = f"what {who} does that knows {world.name!r}, and no frozen rule that training selected"
            yield Stated(
                "actions", world.name, f"{decision} as {who}", Claim(table, "can", because), decision, PLANNING
            )


def _may_part(world: World, h: Hypothesis, decision: str, stale: Mask) -> Mask:
    """Return the contexts in which competent and stale actions may be disjoint: not where one objective says otherwise.

    What one selected objective does is a part of what is possible, and soon known; all of them may take a linear
    program for each action.
    """
    some = h.some_actions(world.name)
    together = stale.all(axis=1)
    if some is not None:
        together |= (mask_of(some[decision], decision, world.model, silent=False) & stale).any(axis=1)
    return np.asarray(~together, dtype=bool)
