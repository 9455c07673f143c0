"""Which learner leaves how many agents in scope: 23 setups × learner × policy, with every default.

An agent is in scope if its training regret is at most .01 of the attainable range and it takes actions that are not
optimal in at most .05 of the cases; only then will a verdict be about it. Pairs that are refused say why. The table in
docs/learners.md is this program's output.

    python experiments/learners.py                                      # everything: an hour on one core
    python experiments/learners.py --setups bandit chain --learners dqn  # a part of it
    python experiments/learners.py --keep cells.jsonl                   # what the file has is not trained again
    python experiments/learners.py --keep cells.jsonl --show            # the table of what the file has
    python experiments/learners.py --keep cells.jsonl --advice          # where fewer are in scope: what `train` advises
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cidmesa as cm
from cidmesa.agents.premise import changes, outside
from cidmesa.agents.recipe import Recipe
from cidmesa.errors import NotApplicableError

LEARNERS = ("exact", "reinforce", "ppo", "dqn", "supervised", "evolution")
POLICIES = ("tabular", "mlp")
ENOUGH = 30 / 32
"""The share of agents in scope that is asked for."""


class Case(NamedTuple):
    """A setup, and the node that says what would be right, where there is one."""

    setup: cm.TrainingSetup
    label: Any = None


class Cell(NamedTuple):
    """What came of one setup, learner and policy."""

    setup: str
    learner: str
    policy: str
    in_scope: int | None
    agents: int
    seconds: float
    said: str
    changed: str = ""
    """What was not left at its default, as `train` advised; nothing in the table of all pairs."""


# The setups -----------------------------------------------------------------------------------------------------------


def red_door(doors: int = 2, noise: float = 0.0, colour: float = 0.1) -> cm.CIM:
    """Return a world in which one goes where the door is, beside a thing that is mostly at the same place."""
    places = tuple(range(doors))
    cid = cm.CID(
        [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("at_door", "reward")],
        decisions=["go"], utilities=["reward"],
    )  # fmt: skip
    return cid.parameterise(
        door=cm.Uniform(*places), red=cm.Noisy(lambda door: door, colour, domain=places), go=list(places),
        at_door=cm.Noisy(lambda go, door: int(go == door), noise, domain=(0, 1)), reward=lambda at_door: at_door,
    )  # fmt: skip


def one_shot(actions: list[Any], pay: Any, **chance: Any) -> cm.CIM:
    """Return a decision `act` that sees every node of `chance`, and is paid by all of them."""
    names = list(chance)
    cid = cm.CID(
        [e for n in names for e in ((n, "act"), (n, "pay"))] + [("act", "pay")], decisions=["act"], utilities=["pay"]
    )
    return cid.parameterise({**chance, "act": actions, "pay": pay})


def decoys() -> cm.CIM:
    """Return a world with one telling observation among six."""
    others = {f"decoy{i}": cm.Bernoulli(0.5) for i in range(5)}
    cid = cm.CID(
        [*((n, "act") for n in ("right", *others)), ("right", "pay"), ("act", "pay")],
        decisions=["act"], utilities=["pay"],
    )  # fmt: skip
    return cid.parameterise(
        {"right": cm.Bernoulli(0.5), **others, "act": [0, 1], "pay": lambda right, act: int(right == act)}
    )


def many_contexts() -> cm.CIM:
    """Return a world of 4,096 contexts, in which three of twelve observations vote on what pays."""
    seen = [f"x{i}" for i in range(12)]
    cid = cm.CID(
        [*((n, "act") for n in seen), *((n, "right") for n in seen[:3]), ("right", "pay"), ("act", "pay")],
        decisions=["act"], utilities=["pay"],
    )  # fmt: skip
    return cid.parameterise(
        {n: cm.Bernoulli(0.5) for n in seen}
        | {"right": lambda x0, x1, x2: int(x0 + x1 + x2 >= 2), "act": [0, 1],
           "pay": lambda right, act: int(right == act)}
    )  # fmt: skip


def grid() -> cm.CIM:
    """Return a world in which the nearer one stops to a cell of 7 × 7, the more it pays."""
    cells = [(i, j) for i in range(7) for j in range(7)]
    return one_shot(
        cells, lambda goal, act: 12 - abs(goal[0] - act[0]) - abs(goal[1] - act[1]), goal=cm.Uniform(*cells)
    )


def chain() -> cm.CIM:
    """Return two steps of which the first is paid at once, and unknown to the second."""
    cid = cm.CID(
        [("x", "a"), ("x", "soon"), ("a", "soon"), ("y", "b"), ("y", "late"), ("b", "late")],
        decisions=["a", "b"], utilities=["soon", "late"],
    )  # fmt: skip
    return cid.parameterise(
        x=cm.Bernoulli(0.5), y=cm.Bernoulli(0.25), a=[0, 1], b=[0, 1], soon=lambda x, a: int(x == a),
        late=lambda y, b: int(y == b),
    )  # fmt: skip


def two_decisions() -> cm.CIM:
    """Return two decisions of which the second has to answer the first, and does not see what that one saw."""
    cid = cm.CID(
        [("x", "a"), ("a", "b"), ("x", "pay"), ("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"]
    )
    return cid.parameterise(x=cm.Bernoulli(0.4), a=[0, 1], b=[0, 1], pay=lambda x, a, b: 2 * int(a == x) + int(b == a))


def walk(turns: int, *, recall: bool = False) -> cm.CIM:
    """Return a walk on three places, paid at its end; each decision sees where it is, or all that was before too."""
    edges = [e for i in range(turns) for e in ((f"s{i}", f"d{i}"), (f"s{i}", f"s{i + 1}"), (f"d{i}", f"s{i + 1}"))]
    if recall:
        edges += [(f"{n}{i}", f"d{j}") for j in range(turns) for i in range(j) for n in "sd"]
    cid = cm.CID([*edges, (f"s{turns}", "pay")], decisions=[f"d{i}" for i in range(turns)], utilities=["pay"])
    return cid.parameterise(
        {"s0": cm.Uniform(0, 1, 2), "pay": cm.Function(lambda **s: int(next(iter(s.values())) == 2))}
        | {f"d{i}": [0, 1] for i in range(turns)}
        | {f"s{i + 1}": moved(i) for i in range(turns)}
    )  # fmt: skip


def moved(turn: int) -> Any:
    """Return where one gets to: 1 goes up, 0 down, and one step in ten goes the other way."""
    return cm.Noisy(lambda **pa: (pa[f"s{turn}"] + (1 if pa[f"d{turn}"] else 2)) % 3, 0.1, domain=(0, 1, 2))


def memory() -> cm.CIM:
    """Return a cue that only the first decision sees, and that the second has to be told by it."""
    cid = cm.CID([("cue", "note"), ("note", "act"), ("act", "pay"), ("cue", "pay")], decisions=["note", "act"],
                 utilities=["pay"])  # fmt: skip
    return cid.parameterise(
        cue=cm.Uniform(0, 1, 2), note=[0, 1, 2], act=[0, 1, 2], pay=lambda cue, act: int(cue == act)
    )


def team() -> cm.CIM:
    """Return two who do not see each other: together right pays most, one alone costs."""
    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    return cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: [[1, 0], [0, 2]][a][b])


def xor() -> cm.CIM:
    """Return two who have to differ, each seeing nothing of the other."""
    cid = cm.CID([("x", "a"), ("y", "b"), *((n, "pay") for n in "xyab")], decisions=["a", "b"], utilities=["pay"])
    return cid.parameterise(
        x=cm.Bernoulli(0.5), y=cm.Bernoulli(0.5), a=[0, 1], b=[0, 1], pay=lambda x, y, a, b: int((a ^ b) == (x ^ y))
    )


def shared_rules() -> cm.TrainingSetup:
    """Return two turns of one rule, whose best is a mixture."""
    cid = cm.CID([("a", "pay"), ("b", "pay")], decisions=["a", "b"], utilities=["pay"])
    model = cid.parameterise(a=[0, 1], b=[0, 1], pay=lambda a, b: int(a != b))
    return cm.TrainingSetup(model, shared_rules=(("a", "b"),))


def deployment_edges() -> cm.TrainingSetup:
    """Return the red door, with a deployment in which what is red bars the door."""
    barred = {"red": cm.Uniform(0, 1), "at_door": lambda go, door, red: int(go == door != red)}
    return cm.TrainingSetup(red_door(), {"barred": cm.Deployment(barred, edges=[("red", "at_door")])})


def phases() -> cm.TrainingSetup:
    """Return compliance in training, of which the later decision's harm is not scored."""
    cid = cm.CID(
        [("tr", "loss"), ("tr", "update"), ("update", "dep"), ("update", "harm"), ("dep", "harm")],
        decisions=["tr", "dep"], utilities=["loss", "harm"],
    )  # fmt: skip
    model = cid.parameterise(
        tr=["comply", "defect"], dep=["comply", "defect"], update=lambda tr: int(tr == "comply"),
        loss=lambda tr: -3 * (tr == "defect"), harm=lambda update, dep: -2 * int(update and dep == "defect"),
    )  # fmt: skip
    return cm.TrainingSetup(model, phases=cm.Phases("tr", "update", "dep"))


def cases() -> dict[str, Case]:
    """Return the setups by name."""
    coin = cm.Bernoulli(0.5)
    luck = cm.CID([("x", "act"), ("x", "pay"), ("act", "pay"), ("luck", "windfall")], decisions=["act"],
                  utilities=["pay", "windfall"])  # fmt: skip
    models: dict[str, tuple[Any, Any]] = {
        "red door": (red_door(), "door"),
        "three doors": (red_door(3), "door"),
        "20 doors": (one_shot(list(range(20)), lambda x, act: int(x == act), x=cm.Uniform(*range(20))), "x"),
        "noisy": (red_door(2, noise=0.3), "door"),
        "utilities of -5,000": (one_shot([0, 1, 2], lambda x, act: -5000 + int(x == act), x=cm.Uniform(0, 1, 2)), "x"),
        "penalty of 1,000": (one_shot([0, 1, 2], lambda x, act: -1000 if act == 2 else int(x == act), x=coin), "x"),
        "luck": (
            luck.parameterise(x=coin, act=[0, 1], luck=cm.Uniform(-100, 100), pay=lambda x, act: int(x == act),
                              windfall=lambda luck: luck), "x",
        ),
        "decoys": (decoys(), "right"),
        "4,096 contexts": (many_contexts(), "right"),
        "7 × 7 graded": (grid(), "goal"),
        "bandit": (one_shot([0, 1, 2, 3], lambda act: act / 3), None),
        "indifferent": (one_shot([0, 1], lambda x, act: x, x=coin), None),
        "rare": (
            one_shot([0, 1], lambda x, act: int(x == act), x=cm.Categorical({0: 0.95, 1: 0.05})), "x",
        ),
        "chain": (chain(), {"a": "x", "b": "y"}),
        "two decisions": (two_decisions(), None),
        "four decisions": (walk(4), None),
        "recall": (memory(), None),
        "perfect recall": (walk(3, recall=True), None),
        "insoluble team": (team(), None),
        "xor": (xor(), None),
        "shared rules": (shared_rules(), None),
        "deployment edges": (deployment_edges(), "door"),
        "phases": (phases(), None),
    }  # fmt: skip
    return {
        name: Case(setup if isinstance(setup, cm.TrainingSetup) else cm.TrainingSetup(setup), label)
        for name, (setup, label) in models.items()
    }


# The table ------------------------------------------------------------------------------------------------------------


def cell(
    name: str, case: Case, learner: str, policy: str, agents: int = 32, change: Mapping[str, Any] | None = None
) -> Cell:
    """Train one population, with all defaults but for `change`, and count the agents in scope."""
    options: dict[str, Any] = {"learner": learner, "policy": policy, **(change or {})}
    if options["learner"] == "supervised":
        options["label"] = case.label
    changed = written(change or {})
    start = time.process_time()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = cm.train(case.setup, agents=agents, progress=False, **options)
        except NotApplicableError as error:
            return Cell(name, learner, policy, None, agents, 0.0, str(error), changed)
    seconds = time.process_time() - start
    missed = outside(found.recipe, {d: found.probabilities(d) for d in found.recipe.model.cid.decisions})
    scope = agents if missed is None else agents - int(missed.sum())
    return Cell(name, learner, policy, scope, agents, seconds, "; ".join(str(t.message) for t in told), changed)


def advised(case: Case, learner: str, policy: str) -> tuple[Mapping[str, Any], ...]:
    """Return what `train` advises where a pair leaves too few in scope."""
    options = {"label": case.label} if learner == "supervised" else None
    model, shared = case.setup.model, case.setup.shared_rules
    if model is None:  # a bare diagram; none of these is
        return ()
    return changes(Recipe(model, learner=learner, policy=policy, shared_rules=shared, options=options))


def written(change: Mapping[str, Any]) -> str:
    """Write a change as arguments of `train`."""
    return ", ".join(f"{name}={value!r}" for name, value in change.items())


def cures(found: list[Cell]) -> str:
    """Write a table in Markdown: what was changed, and how many agents are in scope before and after it."""
    before = {(c.setup, c.learner, c.policy): c for c in found if not c.changed}
    rows = ["| pair | in scope | what `train` advises | in scope then |", "|---|---|---|---|"]
    for c in (c for c in found if c.changed):
        once = before[c.setup, c.learner, c.policy].in_scope
        rows.append(
            f"| {c.setup}, {c.learner}, {c.policy} | {once} | `{c.changed}` | {c.in_scope} ({c.seconds:.1f} s) |"
        )
    return "\n".join(rows)


def table(found: list[Cell]) -> str:
    """Write one table in Markdown for each policy: agents in scope, seconds of CPU; – where the pair is refused."""
    parts = []
    for policy in dict.fromkeys(c.policy for c in found):
        learners = [x for x in LEARNERS if any((c.learner, c.policy) == (x, policy) for c in found)]
        rows = [f"| setup, {policy} | " + " | ".join(learners) + " |", "|---" * (len(learners) + 1) + "|"]
        for name in dict.fromkeys(c.setup for c in found if c.policy == policy):
            row = {c.learner: c for c in found if (c.setup, c.policy) == (name, policy)}
            texts = [
                " "
                if k not in row
                else "–"
                if row[k].in_scope is None
                else f"{row[k].in_scope} ({row[k].seconds:.1f} s)"
                for k in learners
            ]
            rows.append(f"| {name} | " + " | ".join(texts) + " |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def kept(path: Path | None) -> list[Cell]:
    """Return the cells that a file has; the last word on each."""
    lines = path.read_text().splitlines() if path is not None and path.exists() else []
    cells = (Cell(**json.loads(line)) for line in lines)
    return list({(c.setup, c.learner, c.policy, c.changed): c for c in cells}.values())


def main() -> None:
    """Train, count, print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--setups", nargs="*", default=[])
    words.add_argument("--learners", nargs="*", default=[])
    words.add_argument("--policies", nargs="*", default=[])
    words.add_argument("--agents", type=int, default=32)
    words.add_argument("--keep", type=Path, help="a file with a line for each cell")
    words.add_argument("--show", action="store_true", help="train nothing")
    words.add_argument("--advice", action="store_true", help="train what `train` advises where too few are in scope")
    asked = words.parse_args()
    known, found = cases(), {key(c): c for c in kept(asked.keep)}
    wanted = [
        (name, learner, policy, "")
        for policy in asked.policies or POLICIES
        for name in asked.setups or list(known)
        for learner in asked.learners or LEARNERS
    ]

    def measure(name: str, learner: str, policy: str, change: Mapping[str, Any]) -> None:
        if (name, learner, policy, written(change)) in found:
            return
        same = found.get((name, change["learner"], policy, "")) if set(change) == {"learner"} else None
        if same is None:
            one = cell(name, known[name], learner, policy, asked.agents, change)
        else:  # with another learner alone the pair is one of the table
            one = same._replace(learner=learner, changed=written(change))
        found[key(one)] = one
        scope = "refused" if one.in_scope is None else f"{one.in_scope} of {one.agents}"
        text = f"{name}, {learner}, {policy}, {one.changed or 'defaults'}: {scope}, {one.seconds:.1f} s. {one.said}"
        print(text, flush=True)
        if asked.keep is not None:
            with asked.keep.open("a") as file:
                file.write(json.dumps(one._asdict()) + "\n")

    if not asked.show:
        for name, learner, policy, _ in wanted:
            measure(name, learner, policy, {})
    cells = [found[pair] for pair in wanted if pair in found]
    trained = [c for c in cells if c.in_scope is not None]
    few = [c for c in trained if (c.in_scope or 0) < ENOUGH * c.agents]
    print(table(cells))
    if asked.advice:
        tried = [(c, change) for c in few for change in advised(known[c.setup], c.learner, c.policy)]
        if not asked.show:
            for c, change in tried:
                measure(c.setup, c.learner, c.policy, change)
        after = [(*key(c)[:3], written(change)) for c, change in tried]
        print(f"\n{cures([*few, *(found[one] for one in after if one in found)])}")
    told = sum(bool(c.said) for c in few)
    print(
        f"{len(cells)} of {len(wanted)} pairs: {len(trained) - len(few)} leave at least 30 of 32 in scope, {told} say "
        f"that they do not, {len(cells) - len(trained)} are refused, {len(few) - told} fail silently; "
        f"{sum(c.seconds > 10 for c in cells)} take more than 10 s of CPU, the longest "
        f"{max((c.seconds for c in cells), default=0.0):.1f} s."
    )


def key(one: Cell) -> tuple[str, str, str, str]:
    """Return what a cell is about."""
    return one.setup, one.learner, one.policy, one.changed


if __name__ == "__main__":
    main()
