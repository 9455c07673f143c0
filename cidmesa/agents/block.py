r"""One block of a population: some of its agents, trained at once, and what that leaves.

The unit of work. Agent i is the same in any block, up to rounding: a batched product of other shape adds in another
order. Byte for byte a block is determined by its recipe, its first and last agent, what is noted along the way, and the
machine (:func:`cidmesa.agents.store.address`).

**Learning curves.** At :data:`POINTS` points of training the rules, as they are then, are multiplied into the model:
the value of what was learned, without exploration and without sampling. Where that is out of reach there is no curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cidmesa.agents.compiled import Compiled
from cidmesa.agents.devices import working_on
from cidmesa.agents.learners.loop import Watch, learn
from cidmesa.agents.learners.task import Task, probabilities
from cidmesa.agents.policies.rule import Params
from cidmesa.agents.tensor_file import dumps, loads
from cidmesa.arrays import Array, Floats
from cidmesa.errors import FileFormatError

if TYPE_CHECKING:
    from cidmesa.agents.recipe import Recipe

POINTS = 20
"""In how many parts a learning curve divides training."""

LARGEST = 2**16
"""How many numbers an agent may need for a point of its learning curve."""


class Trained(NamedTuple):
    """What training leaves of some agents.

    Attributes
    ----------
    learned
        The parameters of the rules.
    earned
        Pairs (step, what each agent earned in it on average).
    curve
        Pairs (steps taken, the value of each agent's rules then).
    kept
        Pairs (steps taken, the parameters of the rules then).
    stopped
        Pairs (agent, step): from there on its numbers were not finite.
    """

    learned: Params
    earned: tuple[tuple[int, Floats], ...] = ()
    curve: tuple[tuple[int, Floats], ...] = ()
    kept: tuple[tuple[int, Params], ...] = ()
    stopped: tuple[tuple[int, int], ...] = ()


def train_block(
    recipe: Recipe,
    first: int,
    last: int,
    keep: Sequence[int] = (),
    checkpoint: Path | None = None,
    progress: bool = False,
) -> Trained:
    """Train the agents from `first` to before `last`.

    Parameters
    ----------
    recipe
        Of the population.
    first, last
        Which agents.
    keep
        After how many steps the rules are kept as they are then.
    checkpoint, progress
        As for :func:`cidmesa.train`.
    """
    with working_on(recipe.device):
        return _trained(recipe, first, last, keep, checkpoint, progress)


def _trained(
    recipe: Recipe, first: int, last: int, keep: Sequence[int], checkpoint: Path | None, progress: bool
) -> Trained:
    """Train agents on the device that is in force, and return what is left on the CPU."""
    task = recipe.task_of(first, last)
    steps = recipe.steps or 1
    until = steps if recipe.until is None else recipe.until
    value = valuing(task, greedy=recipe.greedy)
    names = frozenset(task.start())
    points = {round(until * point / POINTS) for point in range(POINTS + 1)} if value else set()

    def note(step: int, learned: Params) -> Params:
        found: Params = {}
        if value is not None and step in points:
            found["value"] = value(learned)
        if step in keep:
            found |= {f"learned {name}": tensor for name, tensor in learned.items() if name in names}
        return found

    state = learn(
        recipe.learns(task),
        steps,
        recipe=f"{recipe.digest} {first} {last} {sorted(keep)}",
        checkpoint=checkpoint,
        progress=progress,
        until=until,
        watch=Watch(frozenset({*points, *keep}), note),
    )
    learned = {name: tensor.cpu() for name, tensor in state.memory["learned"].items() if name in names}
    return Trained(
        learned,
        state.earned,
        tuple((step, noted["value"].numpy()) for step, noted in state.noted if "value" in noted),
        tuple((step, {n: noted[f"learned {n}"].cpu() for n in learned}) for step, noted in state.noted if step in keep),
        state.stopped,
    )


def valuing(task: Task, *, greedy: bool) -> Callable[[Params], Tensor] | None:
    """Return what tells the value of rules from their parameters, exactly; ``None`` where that is out of reach."""
    asked = sum(int(np.prod(rule.inputs.table.shape[:2])) for rule in task.rules.values())
    if asked > LARGEST or asked * len(task.keys) > 64 * LARGEST:
        return None
    world = Compiled(task.model, score=task.paid, largest=LARGEST)
    if not world.exact:
        return None

    def value(params: Params) -> Tensor:
        tables = {}
        for decision, rule in task.rules.items():
            table = probabilities(rule, params, greedy, rule.inputs.reached)
            cards = map(task.model.card, task.model.cid.parents(decision))
            tables[decision] = table.reshape(len(table), *cards, table.shape[-1])
        return world.value(tables)

    return value


# Many blocks, and blocks as bytes -------------------------------------------------------------------------------------


def joined(parts: Sequence[Trained]) -> Trained:
    """Return what training leaves of all agents, from that of each block in order."""
    if len(parts) == 1:
        return parts[0]
    stopped: list[tuple[int, int]] = []
    before = 0
    for part in parts:
        stopped += [(agent + before, step) for agent, step in part.stopped]
        before += len(next(iter(part.learned.values())))
    return Trained(
        _joined_params([part.learned for part in parts]),
        _joined_points([part.earned for part in parts]),
        _joined_points([part.curve for part in parts]),
        tuple((step, _joined_params([part.kept[i][1] for part in parts])) for i, (step, _) in enumerate(parts[0].kept)),
        tuple(stopped),
    )


def _joined_params(parts: Sequence[Params]) -> Params:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _joined_points(parts: Sequence[tuple[tuple[int, Floats], ...]]) -> tuple[tuple[int, Floats], ...]:
    return tuple((step, np.concatenate([part[i][1] for part in parts])) for i, (step, _) in enumerate(parts[0]))


def as_bytes(trained: Trained, words: Mapping[str, str]) -> bytes:
    """Write what training left as a file of arrays, with words about it."""
    return dumps(as_arrays(trained), words)


def as_arrays(trained: Trained) -> dict[str, Array]:
    """Write what training left as named arrays."""
    found: dict[str, Array] = {f"learned/{name}": tensor.numpy() for name, tensor in trained.learned.items()}
    for step, params in trained.kept:
        found |= {f"kept/{step}/{name}": tensor.numpy() for name, tensor in params.items()}
    for name, points in (("earned", trained.earned), ("curve", trained.curve)):
        if points:
            found[f"{name}/steps"] = np.array([step for step, _ in points], dtype=np.int64)
            found[f"{name}/values"] = np.stack([np.asarray(values, dtype=np.float64) for _, values in points])
    if trained.stopped:
        found["stopped"] = np.array(trained.stopped, dtype=np.int64)
    return found


def from_bytes(data: bytes, name: str) -> tuple[Trained, dict[str, str]]:
    """Read what training left, and the words about it.

    Raises
    ------
    FileFormatError
        It is another file.
    """
    arrays, words = loads(data, name)
    return from_arrays(arrays, name), words


def from_arrays(arrays: Mapping[str, Array], name: str) -> Trained:
    """Read what training left from named arrays; those of other names are left aside.

    Raises
    ------
    FileFormatError
        Something is missing, or has another shape.
    """
    learned: Params = {}
    kept: dict[int, Params] = {}
    for key, array in arrays.items():
        if key.startswith("learned/"):
            learned[key.removeprefix("learned/")] = _tensor(array, name)
        elif key.startswith("kept/"):
            step, _, param = key.removeprefix("kept/").partition("/")
            if not (step.isascii() and step.isdigit() and len(step) <= 12):
                raise FileFormatError(f"{name}: `{key[:80]}` tells no number of steps.")
            kept.setdefault(int(step), {})[param] = _tensor(array, name)
    if not learned:
        raise FileFormatError(f"{name}: it has no parameters of agents.")
    agents = len(next(iter(learned.values())))
    for params in (learned, *kept.values()):
        if set(params) != set(learned) or any(p.shape != learned[n].shape for n, p in params.items()):
            raise FileFormatError(f"{name}: what is kept of an earlier step is not of the same agents.")
    if any(len(tensor) != agents for tensor in learned.values()):
        raise FileFormatError(f"{name}: its parameters are not all of as many agents.")
    stopped = arrays.get("stopped", np.zeros((0, 2), dtype=np.int64))
    if stopped.dtype.kind != "i" or stopped.ndim != 2 or stopped.shape[1] != 2 or len(stopped) > agents:
        raise FileFormatError(f"{name}: `stopped` are pairs (agent, step).")
    return Trained(
        learned,
        _points(arrays, "earned", agents, name),
        _points(arrays, "curve", agents, name),
        tuple(sorted(kept.items(), key=lambda pair: pair[0])),
        tuple((int(agent), int(step)) for agent, step in stopped.tolist()),
    )


def _tensor(array: Array, name: str) -> Tensor:
    if array.dtype.kind != "f" or array.ndim == 0:
        raise FileFormatError(f"{name}: parameters of agents are arrays of floating-point numbers, one row an agent.")
    return torch.from_numpy(array.copy())


def _points(arrays: Mapping[str, Array], what: str, agents: int, name: str) -> tuple[tuple[int, Floats], ...]:
    if f"{what}/steps" not in arrays and f"{what}/values" not in arrays:
        return ()
    steps, values = arrays.get(f"{what}/steps"), arrays.get(f"{what}/values")
    if steps is None or values is None or steps.dtype.kind != "i" or values.dtype.kind != "f":
        raise FileFormatError(f"{name}: `{what}` is told by steps and values.")
    if steps.ndim != 1 or values.shape != (len(steps), agents):
        raise FileFormatError(f"{name}: `{what}` has no value for each of its steps and agents.")
    return tuple((int(step), np.array(row)) for step, row in zip(steps.tolist(), values, strict=True))
