"""Make the atlas: incentives in all small collapsed diagrams with two decisions, and what is left open.

    python experiments/atlas.py [voi ri ici voc] [--chance 3] [--kept 2] [--work build/atlas.txt] [--draws 20000]

One agent, one utility, both decisions lead to it. Answers go to the working file, a line a diagram with the seconds of
CPU that it took; a run that was stopped goes on where it was. What was not asked for yet is a dot, and what was left
open is asked again if more models are to be drawn than last time. When all are there, the answers are packed beside the
module that looks them up, and the tables of `docs/atlas.md` are written anew.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cidmesa as cm
from cidmesa.criteria.atlas import CRITERIA, FILE, SIGNS, UNASKED, Asked, diagram, diagrams, questions
from cidmesa.criteria.chains.ask import chain_for
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.witness.build import built
from cidmesa.criteria.witness.check import holds
from cidmesa.criteria.witness.linear_search import linear_search
from cidmesa.criteria.witness.search import search

ROOT = Path(__file__).resolve().parents[1]

START, END = "<!-- written by experiments/atlas.py -->", "<!-- up to here -->"

PER_DRAW = {"voi": 1, "ri": 10, "voc": 10, "ici": 100}
"""Of each criterion so many times fewer models are drawn: those of instrumental control are played one by one."""


def answer(cid: cm.CID, asked: Asked, draws: int) -> cm.Answer:
    """Return the answer to a question: by a separation or a chain that checks, or by a model that is checked.

    Of all but value of information it may be a model of the diagram without another chance node: one with a single
    state is as good as not there.
    """
    criterion, node, decision = asked
    verdict = judge(cid, criterion, node, decision)
    if verdict.settled is cm.Answer.EXCLUDES:
        assert verdict.because.check(cid), verdict
        return verdict.settled
    chain = chain_for(verdict)
    if chain is not None:
        assert verdict.settled is None, verdict
        assert chain.check(cid), verdict
        return cm.Answer.EXCLUDES
    if any(holds(candidate, criterion, verdict) for candidate in built(verdict, criterion)):
        return cm.Answer.ADMITS
    if search(verdict, criterion) is not None:
        return cm.Answer.ADMITS
    others = [v for v in cid.chance if v != node] if criterion != "voi" else []
    if any(answer(without(cid, v), asked, draws) is cm.Answer.ADMITS for v in others):
        return cm.Answer.ADMITS
    found = linear_search(verdict, criterion, draws=draws // PER_DRAW[criterion])
    return cm.Answer.UNKNOWN if found is None else cm.Answer.ADMITS


def without(cid: cm.CID, node: str) -> cm.CID:
    """Return a diagram without a node."""
    left = [v for v in cid.nodes if v != node]
    links = [link for link in cid.edges if node not in link]
    return cm.CID(links, nodes=left, decisions=cid.decisions, utilities=cid.utilities)


def wanted(chance: int, kept: int) -> Iterator[tuple[str, cm.CID]]:
    """Yield the diagrams, those with few chance nodes first."""
    for most in range(max(chance, kept) + 1):
        if most <= chance:
            yield from diagrams(most)
        if most <= kept:
            yield from diagrams(most, kept=True)


def made(work: Path, chance: int, kept: int, criteria: list[str], draws: int) -> dict[str, tuple[str, float]]:
    """Go on with the working file, and return of each diagram the signs and the seconds."""
    signs = {found: sign for sign, found in SIGNS.items()}
    lines = work.read_text().splitlines() if work.exists() else []
    there = {key: said.split() for key, _, said in (line.partition(": ") for line in lines)}
    found: dict[str, tuple[str, float]] = {}
    with work.open("a", encoding="utf-8") as out:
        for key, cid in wanted(chance, kept):
            asked = list(questions(cid))
            said, seconds, drawn = there.get(key, (UNASKED * len(asked), "0", "0"))
            due = UNASKED + "?" * (int(drawn) < draws)
            if any(sign in due and of[0] in criteria for sign, of in zip(said, asked, strict=True)):
                start = time.process_time()
                said = "".join(
                    signs[answer(cid, of, draws)] if sign in due and of[0] in criteria else sign
                    for sign, of in zip(said, asked, strict=True)
                )
                seconds = str(round(float(seconds) + time.process_time() - start, 3))
                out.write(f"{key}: {said} {seconds} {draws}\n")
                out.flush()
            found[key] = said, float(seconds)
    return found


def told(found: dict[str, tuple[str, float]]) -> str:
    """Write the tables of the page."""
    counts: Counter[tuple[int, str, str, str]] = Counter()
    sizes: Counter[tuple[int, str]] = Counter()
    took: dict[int, float] = defaultdict(float)
    left = defaultdict(list)
    for key, (said, seconds) in found.items():
        names = {v for link in key.split() for v in link.split(">")}
        chance = sum(v[0] in "xh" for v in names)
        sizes[chance, "hidden" if "h" in names else "plain"] += 1
        took[chance] += seconds
        for (criterion, node, decision), sign in zip(questions(diagram(key)), said, strict=True):
            of = {"x": "chance node", "d": "decision", "h": "hidden node"}[node[0]]
            counts[chance, criterion, of, sign] += 1
            if sign == "?":
                left[criterion].append((key, " ".join(filter(None, (node, decision)))))
    lines = ["| chance nodes | diagrams | with a hidden node | CPU |", "|---|---|---|---|"]
    lines += [f"| {n} | {sizes[n, 'plain']:,} | {sizes[n, 'hidden']:,} | {took[n]:,.0f} s |" for n in sorted(took)]
    lines += ["", "| chance nodes | incentive | on a | no | yes | open | not asked |", "|---|---|---|---|---|---|---|"]
    for n in sorted(took):
        for criterion in CRITERIA:
            for of in ("chance node", "decision", "hidden node"):
                row = [counts[n, criterion, of, sign] for sign in (*SIGNS, UNASKED)]
                if any(row):
                    lines.append(f"| {n} | {criterion} | {of} | {' | '.join(f'{k:,}' for k in row)} |")
    for criterion in CRITERIA:
        lines += [
            "",
            f"## Open: {criterion}",
            "",
            f"{len(left[criterion]):,} questions." if left[criterion] else "None.",
        ]
        lines += ["", "```text", *(f"{what}: {key}" for key, what in left[criterion]), "```"] if left[criterion] else []
    return "\n".join(lines)


def main() -> None:
    """Go on, pack and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("criteria", nargs="*", default=list(CRITERIA), help="what to ask about")
    parser.add_argument("--chance", type=int, default=3, help="chance nodes, at most")
    parser.add_argument("--kept", type=int, default=2, help="chance nodes, at most, where one is hidden and kept")
    parser.add_argument("--work", type=Path, default=ROOT / "build/atlas.txt", help="the working file")
    parser.add_argument("--draws", type=int, default=20_000, help="how long to look for a model")
    given = parser.parse_args()
    given.work.parent.mkdir(parents=True, exist_ok=True)
    found = made(given.work, given.chance, given.kept, given.criteria, given.draws)
    text = "".join(f"{key}: {said}\n" for key, (said, _) in sorted(found.items()))
    (ROOT / "cidmesa/criteria" / FILE).write_bytes(gzip.compress(text.encode(), mtime=0))
    page = ROOT / "docs/atlas.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    page.write_text(f"{before}{START}\n\n{told(found)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
