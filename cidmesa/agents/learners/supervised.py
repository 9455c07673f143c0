r"""Supervised learning: cross-entropy with a node that says what would be right.

Each step plays some episodes per agent and follows :math:`\nabla \log \pi(\ell \mid pa_D)`, :math:`\ell` the value of a
*label*, a chance node that the decision does not influence and whose values are among its actions. Utilities play no
part. The class that is held most likely is acted on (``greedy=True``): :math:`\pi` is one there. With ``greedy=False``
the rule itself acts, which matches the label's probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from cidmesa.agents.environment import Environment
from cidmesa.agents.learners.loop import Program
from cidmesa.agents.learners.optimizer import descending
from cidmesa.agents.learners.task import Answer, Task, answer
from cidmesa.agents.policies.rule import Params
from cidmesa.agents.tensors import draw
from cidmesa.arrays import Floats, Ints
from cidmesa.errors import NotApplicableError
from cidmesa.readonly import ReadOnly
from cidmesa.solve.queries.payoffs import uniform_policy


@dataclass(frozen=True, slots=True)
class Supervised:
    """Options.

    Attributes
    ----------
    label
        The node that says what would be right; with several decisions ``{decision: node}``.
    greedy
        Act on what is held most likely; ``False``: act as likely as it is held.
    """

    label: str | Mapping[str, str] | None = None
    greedy: bool = True

    def __post_init__(self) -> None:
        if self.label is not None and not isinstance(self.label, str):
            object.__setattr__(self, "label", ReadOnly(dict(self.label)))


def labels(task: Task) -> dict[str, str]:
    """Return the label of each decision that is trained.

    Raises
    ------
    NotApplicableError
        A decision has no label, or one that is no chance node, is influenced by it, or names what it cannot do.
    """
    given, cid = task.options.label, task.model.cid
    if given is None:
        raise NotApplicableError("supervised learning needs a node that says what would be right: label='door'.")
    if isinstance(given, str) and len(task.trained) > 1:
        raise NotApplicableError(
            f"label={given!r} is one node, and {', '.join(task.trained)} are trained: label={{decision: node}}."
        )
    found = {task.trained[0]: given} if isinstance(given, str) else dict(given)
    for decision in (*found, *task.trained):
        cid.only_decision(decision)
        if decision not in found:
            raise NotApplicableError(f"`{decision}` has no label: label={{{decision!r}: node}} names one.")
        label = found[decision]
        if cid.kind(label) != "chance" or label in cid.descendants(decision):
            raise NotApplicableError(
                f"the label of `{decision}` is a chance node that it does not influence; `{label}` is none."
            )
        odd = [value for value in task.model.domain(label) if value not in task.model.domain(decision)]
        if odd:
            raise NotApplicableError(
                f"`{label}` can be {odd[0]!r}, which is no action of `{decision}` {task.model.domain(decision)!r}: "
                "add a node with the right action."
            )
        may = task.model.allowed(decision)
        if may is not None:
            names = (*cid.parents(decision), *(() if label in cid.parents(decision) else (label,)))
            law = task.model.query(names, policy=uniform_policy(task.model)).probabilities
            places = np.argwhere(law > 0)
            at = [names.index(p) for p in cid.parents(decision)]
            acts = np.array([task.model.domain(decision).index(v) for v in task.model.domain(label)])
            if not may[(*places[:, at].T, acts[places[:, names.index(label)]])].all():
                raise NotApplicableError(f"`{label}` can name an action that is forbidden to `{decision}` there.")
    return found


def supervised(task: Task) -> Program:
    """Return the learner."""
    label_of, model = labels(task), task.model
    action_of = {
        d: np.array([model.domain(d).index(value) for value in model.domain(label)]) for d, label in label_of.items()
    }
    world = Environment(model)  # a label may matter to nothing else

    def loss(params: Params, step: int) -> tuple[Tensor, Floats]:
        said: dict[str, Answer] = {}

        def act(decision: str, contexts: Ints, codes: Ints, noise: Floats) -> Ints:
            said[decision] = answer(task.rules[decision], params, contexts, codes)
            return draw(said[decision].probabilities(), noise)

        played, _ = task.play(step, act, world)
        total = task.surprise(params, played)
        for decision, label in label_of.items():
            right = action_of[decision][played.values[label]]
            total = total - said[decision].log(right).mean(dim=1).sum()
        return total, task.earned(played)

    return descending(loss, task.start(), task.schedule)
