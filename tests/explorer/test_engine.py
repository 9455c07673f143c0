"""The explorer's JavaScript engine against the library's graph part, on random diagrams, under node.

Everything a bare graph decides is compared: each answer of each criterion, the reduction, solubility, the words of the
reasons, and what is certified of mesa-optimizers. Proofs that the engine finds must pass the library's own ``check``
and claim what the library's proof claims. What only a found model would settle must be UNKNOWN, and so must in large
diagrams what only a chain of steps would exclude.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import cidmesa as cm
from cidmesa import literature
from cidmesa.criteria.analysis import analysis_of
from cidmesa.criteria.chains.added_links import AddedLinks
from cidmesa.criteria.chains.chain import Chain
from cidmesa.criteria.chains.collapse import Absorb, Collapse
from cidmesa.criteria.chains.known_decision import KnownDecision
from cidmesa.criteria.chains.noise import Noise
from cidmesa.criteria.chains.nonrequisite import Nonrequisite
from cidmesa.criteria.chains.ordering import Ordering
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.proofs import proof
from cidmesa.criteria.rulings import rule
from cidmesa.errors import NotApplicableError
from cidmesa.graph import Path as Walk
from cidmesa.graph import SeparatingSet, minimal_reduction
from tests.criteria.chains.drawn import insoluble
from tests.explorer.diagrams import CRITERIA, drawn, large
from tests.strategies import examples

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node on this machine")

Ask: TypeAlias = Callable[[cm.CID, random.Random], dict[str, Any]]
PROOFS = 5
MOST_NODES = 16
"""In larger diagrams the engine looks for no chain."""

CODES = {cm.Answer.EXCLUDES: "1", None: "2", cm.Answer.ADMITS: "3"}


def test_it_agrees_on_random_diagrams_of_several_decisions_and_agents() -> None:
    rng = random.Random(20)
    for _ in range(examples(4, 200)):
        compare([drawn(rng) for _ in range(300)], rng)


def test_it_agrees_on_large_diagrams_with_many_open_questions() -> None:
    rng = random.Random(21)
    cids = [large(seed, nodes=100, degree=2.0) for seed in range(1, examples(3, 60))]
    assert max(map(open_questions, cids)) > 64  # more than the engine answers at once
    compare(cids, rng)


def open_questions(cid: cm.CID) -> int:
    """Count the pairs of a node and a decision whose value of information takes a reduction of its own."""
    analysis = analysis_of(cid, cid.agents[0])
    return sum(int((analysis.whole(d).voi & ~analysis.alone(d).voi).sum()) for d in analysis.decisions)


def test_it_agrees_on_the_diagrams_of_the_literature() -> None:
    compare([example.cid for example in literature.examples()], random.Random(0))


def test_it_finds_chains_in_insoluble_diagrams() -> None:
    """Proofs of all that no theorem settles, with most kinds of step; each is checked by :func:`agrees`."""
    rng = random.Random(22)
    cids = [insoluble(rng, chance=rng.randint(3, 6), decisions=rng.randint(2, 3)) for _ in range(examples(30, 400))]
    found = compare(cids, rng, all_open)
    steps = Counter(step["step"] for one in found for shown in one["proofs"] for step in shown.get("steps", ()))
    assert set(steps) >= {"KnownDecision", "Nonrequisite", "Noise", "Collapse", "AddedLinks"}
    assert steps.total() > 20


def all_open(cid: cm.CID, rng: random.Random) -> dict[str, Any]:
    """Ask for the proofs of all that theorems leave open."""
    verdicts = [
        (criterion, x, cid.id(d))
        for criterion in ("voi", "voc", "ri", "ici")
        for d in cid.decisions
        for x in range(len(cid))
        if cid.kind(cid.nodes[x]) == "chance" and (criterion != "voi" or x in map(cid.id, cid.parents(d)))
    ]
    settled = [judge(cid, c, cid.nodes[x], cid.nodes[d]).settled for c, x, d in verdicts]
    left = [one for one, answer in zip(verdicts, settled, strict=True) if answer is None]
    return {**question(cid, rng), "proofs": left, "targets": []}


def compare(cids: list[cm.CID], rng: random.Random, ask: Ask | None = None) -> list[dict[str, Any]]:
    """Ask the engine about all diagrams in one run of node, and compare every answer."""
    asked = [(ask or question)(cid, rng) for cid in cids]
    script = Path(__file__).with_name("engine.mjs")
    lines = "\n".join(json.dumps(one) for one in asked)
    done = subprocess.run([str(NODE), str(script)], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(cids)
    for cid, one, answer in zip(cids, asked, found, strict=True):
        agrees(cid, one, answer)
    return found


def question(cid: cm.CID, rng: random.Random) -> dict[str, Any]:
    """Write a diagram by positions, with some verdicts to prove and some targets."""
    agents = list(cid.agents)
    owners = [-1 if cid.kind(v) == "chance" else agents.index(cid.agent_of(v)) for v in cid.nodes]
    diagram = {
        "names": cid.nodes, "kinds": [cid.kind(v) for v in cid.nodes], "owners": owners,
        "agents": [str(agent) for agent in agents], "links": [[cid.id(t), cid.id(h)] for t, h in cid.edges],
    }  # fmt: skip
    d = cid.id(rng.choice(cid.decisions))
    askable = [
        (c, x, d)
        for c, (row,) in zip(CRITERIA, answers(cid, [d]), strict=True)
        for x, code in enumerate(row)
        if code > "0"
    ]
    proofs = rng.sample(askable, min(PROOFS, len(askable)))
    targets: list[int] = []
    if len(agents) == 1 and cid.utilities and rng.random() < 0.5:
        pool = [cid.id(v) for v in (*cid.chance, cid.utilities[0])]
        targets = rng.sample(pool, rng.randint(1, min(2, len(pool))))
    return {"diagram": diagram, "proofs": proofs, "targets": targets}


def agrees(cid: cm.CID, asked: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["answers"] == answers(cid, found["decisions"])
    assert sorted(found["decisions"]) == sorted(map(cid.id, cid.decisions))
    kept = minimal_reduction(cid).edges
    assert sorted(map(tuple, found["dropped"])) == sorted((cid.id(t), cid.id(h)) for t, h in set(cid.edges) - set(kept))
    assert found["soluble"] == cm.is_soluble(cid)
    for (criterion, x, d), reason, data in zip(asked["proofs"], found["reasons"], found["proofs"], strict=True):
        verdict = judge(cid, criterion, cid.nodes[x], cid.nodes[d], search=False)
        shown = as_proof(data, cid.agent_of(cid.nodes[d]) if len(cid.agents) > 1 else None)
        assert shown.check(cid), (verdict, shown)
        if isinstance(shown, Chain):
            assert reason == "a chain of steps that cost nothing"
            assert verdict.settled is None
            assert verdict.answer is cm.Answer.EXCLUDES
            assert [str(step) for step in shown.steps] == data["stepWords"]
        else:
            assert reason == verdict.reason
            assert claim(shown) == claim(proof(verdict)), verdict
    if asked["targets"]:
        agrees_on_mesa(cid, [cid.nodes[v] for v in asked["targets"]], found["mesa"])


def answers(cid: cm.CID, decisions: list[int]) -> list[list[str]]:
    """Write the rulings of theorems and chains as the engine does: one digit a node, 0 where it cannot be asked."""
    found = []
    for criterion in CRITERIA:
        rows = []
        for d in decisions:
            analysis = analysis_of(cid, cid.agent_of(cid.nodes[d]))
            row = ""
            for x in range(len(cid)):
                try:
                    answer = rule(analysis, criterion, [x], d)[0]
                except NotApplicableError:
                    row += "0"
                    continue
                if answer is None and len(cid) <= MOST_NODES:
                    found_now = judge(cid, criterion, cid.nodes[x], cid.nodes[d], search=False).answer
                    answer = None if found_now is cm.Answer.UNKNOWN else found_now
                row += CODES[answer]
            rows.append(row)
        found.append(rows)
    return found


def as_proof(data: dict[str, Any], agent: Any = None) -> Walk | SeparatingSet | Chain:
    given = None if data["given"] is None else frozenset(data["given"])
    links = {key: tuple(map(tuple, data[key])) for key in ("added", "removed")}
    if data["kind"] == "chain":
        claimed = SeparatingSet(tuple(data["xs"]), tuple(data["ys"]), None, paid=tuple(data["paid"]))
        return Chain(
            tuple(map(as_step, data["steps"])),
            links["removed"],
            links["added"],
            claimed if data["ys"] or data["paid"] else None,
            agent,
        )
    if data["kind"] == "separation":
        return SeparatingSet(
            tuple(data["xs"]),
            tuple(data["ys"]),
            given,
            **links,
            mechanised=data["mechanised"],
            paid=tuple(data["paid"]),
        )
    return Walk(
        tuple(data["nodes"]), given, **links, reduced=tuple(data["reduced"]), without=frozenset(data["without"]),
        mechanised=data["mechanised"],
    )  # fmt: skip


def as_step(data: dict[str, Any]) -> Any:
    made = {
        kind.__name__: kind for kind in (AddedLinks, Absorb, Collapse, KnownDecision, Noise, Nonrequisite, Ordering)
    }
    parts = {key: deep_tuple(value) for key, value in data.items() if key != "step"}
    return made[data["step"]](**parts)


def deep_tuple(value: Any) -> Any:
    return tuple(map(deep_tuple, value)) if isinstance(value, list) else value


def claim(shown: Walk | SeparatingSet) -> tuple[Any, ...]:
    """Return what a proof claims: all but the inner nodes of its walk and the order of what it removes."""
    common = (shown.given, frozenset(shown.added), frozenset(shown.removed), shown.mechanised)
    if isinstance(shown, SeparatingSet):
        return (frozenset(shown.xs), frozenset(shown.ys), shown.paid, *common)
    return (shown.nodes[0], shown.nodes[-1], len(shown.nodes), frozenset(shown.reduced), shown.without, *common)


def agrees_on_mesa(cid: cm.CID, targets: list[str], found: dict[str, Any]) -> None:
    family = cm.derive_mesa_optimizers(cm.TrainingSetup(cid), targets=[tuple(targets)])
    (m,) = family
    assert [cid.nodes[v] for v in found["targets"]] == list(m.names)
    assert found["control"] == m.reasons.control
    assert found["consistency"] == m.consistency
    assert {cid.nodes[d]: {cid.nodes[v]: kind for v, kind in here} for d, here in found["cover"]} == m.reasons.cover
    assert frozenset(found["positions"]) == m.positions
    kinds = {"inert": m.inert, "inert for the policy": m.policy_inert, "context": m.context_shifts,
             "mechanism": m.mechanism_shifts}  # fmt: skip
    by_kind = {k: {v for v, s in zip(cid.nodes, found["shifts"], strict=True) if s == k} for k in kinds}
    assert by_kind == kinds
    assert {(m.cid.nodes[t], m.cid.nodes[h]) for t, h in found["links"]} == set(m.cid.edges)
    assert frozenset(found["responds"]) == m.responds_to
    assert found["answers"] == answers(m.cid, sorted(map(m.cid.id, m.cid.decisions)))
    base = strongest(m.cid if set(m.names) == set(cid.utilities) else minimal_reduction(cid))
    mesa = strongest(m.cid)
    pairs = {key: {(c, cid.nodes[v]) for c, v in found[key]} for key in
             ("emergent", "vanished", "maybeEmergent", "maybeVanished")}  # fmt: skip
    asked = [(c, v) for c in ("voi", "requisite", "ri", "ici") for v in cid.chance]
    for pair in asked:
        was, now = max("1", base[pair]), max("1", mesa[pair])
        assert (pair in pairs["emergent"]) == (now == "3" and was == "1")
        assert (pair in pairs["vanished"]) == (was == "3" and now == "1")
        assert (pair in pairs["maybeEmergent"]) == ("2" in {was, now} and now != "1" and was != "3")
        assert (pair in pairs["maybeVanished"]) == ("2" in {was, now} and was != "1" and now != "3")
    assert {cid.nodes[v] for v in found["territory"]} == {v for v in cid.chance if mesa["ici", v] == "3"}
    assert {cid.nodes[v] for v in found["undecided"]} == {v for v in cid.chance if mesa["ici", v] == "2"}
    if len(cid.decisions) == 1:  # nothing is left to a search, so the library's own comparison is the same
        assert (m.emergent, m.vanished, m.territory) == (
            pairs["emergent"], pairs["vanished"], {cid.nodes[v] for v in found["territory"]},
        )  # fmt: skip


def strongest(cid: cm.CID) -> dict[tuple[str, str], str]:
    """Return, per criterion and node, the firmest answer over the decisions."""
    rows = dict(zip(CRITERIA, answers(cid, [cid.id(d) for d in cid.decisions]), strict=True))
    return {(c, v): max(row[i] for row in rows[c]) for c in CRITERIA for i, v in enumerate(cid.nodes)}
