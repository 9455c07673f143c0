"""Make the atlas: value of information on every link of all small collapsed diagrams with two decisions.

    python experiments/atlas.py [--chance 2] [--out cidmesa/criteria/atlas.txt] [--draws 6000]

One agent, one utility, both decisions lead to it. Lines that are in the file already are kept, so that a run that was
stopped goes on where it was. What is printed counts the answers by the number of chance nodes. Up to two chance nodes
(338 diagrams) take some seconds of CPU; with three there are some 7,000 more, meant for a file of their own.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cidmesa as cm
from cidmesa.criteria.atlas import SIGNS, diagrams, read
from cidmesa.criteria.chains.ask import chain_for
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.witness.linear_search import linear_search


def answer(cid: cm.CID, node: str, decision: str, draws: int) -> cm.Answer:
    """Return the answer about a link: by a chain that checks, by a theorem, or by a model that is checked."""
    verdict = judge(cid, "voi", node, decision)
    if verdict.settled is cm.Answer.EXCLUDES:
        assert verdict.because.check(cid), verdict
        return verdict.settled
    chain = chain_for(verdict)
    if chain is not None:
        assert verdict.settled is None, verdict
        assert chain.check(cid), verdict
        return cm.Answer.EXCLUDES
    found = verdict.answer is cm.Answer.ADMITS and verdict.witness()
    return cm.Answer.ADMITS if found or linear_search(verdict, "voi", draws=draws) else cm.Answer.UNKNOWN


def main() -> None:
    """Go on with the file, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chance", type=int, default=2, help="chance nodes, at most")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "cidmesa/criteria/atlas.txt")
    parser.add_argument("--draws", type=int, default=6000, help="how long to look for a model")
    given = parser.parse_args()
    kept = dict(read(line) for line in given.out.read_text().splitlines()) if given.out.exists() else {}
    signs = {answer: sign for sign, answer in SIGNS.items()}
    counts: Counter[tuple[int, str, cm.Answer]] = Counter()
    total: Counter[int] = Counter()
    with given.out.open("a", encoding="utf-8") as out:
        for chance in range(given.chance + 1):
            for key, cid in diagrams(chance):
                links = [(p, d) for d in cid.decisions for p in cid.parents(d)]
                if key not in kept:
                    kept[key] = {f"{p}>{d}": answer(cid, p, d, given.draws) for p, d in links}
                    said = ", ".join(f"{link} {signs[found]}" for link, found in kept[key].items())
                    out.write(f"{key}: {said}".rstrip() + "\n")
                    out.flush()
                total[chance] += 1
                counts.update((chance, cid.kind(p), kept[key][f"{p}>{d}"]) for p, d in links)
    print("| chance nodes | diagrams | links from | no | yes | open |\n|---|---|---|---|---|---|")
    for chance in range(given.chance + 1):
        for kind in ("chance", "decision"):
            row = " | ".join(f"{counts[chance, kind, found]:,}" for found in SIGNS.values())
            print(f"| {chance} | {total[chance]:,} | {kind} | {row} |")


if __name__ == "__main__":
    main()
