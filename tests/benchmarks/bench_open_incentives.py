"""How many incentives stay open in random diagrams that are not soluble, and what an answer costs.

    python tests/benchmarks/bench_open_incentives.py [diagrams] [seed]

Four chance nodes, two or three decisions, one utility; a decision sees at most two nodes. *Theorems alone* is what
there was without chains and without a search. How far it is goes to the error output. With the 1,000 diagrams that it
draws if nothing else is said, a tenth of them for all but value of information, it takes some two minutes of CPU.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cidmesa as cm
from cidmesa.criteria.chains.ask import chain_for
from cidmesa.criteria.criteria import judge
from cidmesa.criteria.verdict import Verdict
from tests.criteria.chains.drawn import chance_links, insoluble


def main(diagrams: int, seed: int) -> None:
    """Print a row for each number of decisions and each criterion."""
    print("decisions criterion  asked  theorems alone: open  with chains: open  and models: open  "
          "ms median   95 %     max  a chain alone")  # fmt: skip
    for decisions in (2, 3):
        rng = random.Random(seed)
        cids = [insoluble(rng, decisions=decisions) for _ in range(diagrams)]
        for criterion in ("voi", "ri", "voc", "ici"):
            row(criterion, cids if criterion == "voi" else cids[: diagrams // 10])


def row(criterion: str, cids: list[cm.CID]) -> None:
    """Ask one criterion of some diagrams."""
    took, proving, left = [], [], [0, 0, 0]
    for done, cid in enumerate(cids):
        if done % 10 == 0:
            said = f"{len(cid.decisions)} decisions, {criterion}: {done} of {len(cids)} diagrams, {left[2]} open"
            print(f"\r{said:<78}", end="", file=sys.stderr, flush=True)
        for verdict in questions(criterion, cid):
            start = time.process_time()
            answer = verdict.answer
            took.append(time.process_time() - start)
            if verdict.settled is None:
                start = time.process_time()
                chain = chain_for(Verdict(cid, criterion, verdict.nodes, verdict.decision))
                proving.append(time.process_time() - start)
                left[0] += 1
                left[1] += chain is None
                left[2] += answer is cm.Answer.UNKNOWN
    took.sort()
    proving.sort()
    print(f"\r{'':<78}\r", end="", file=sys.stderr, flush=True)
    shares = [f"{100 * n / len(took):5.2f} %" for n in left]
    print(
        f"{len(cids[0].decisions):<9} {criterion:<9} {len(took):>6,} {shares[0]:>21} {shares[1]:>18} {shares[2]:>17}"
        f" {1e3 * took[len(took) // 2]:>10.2f} {1e3 * took[int(0.95 * len(took))]:>6.0f} {1e3 * took[-1]:>7.0f}"
        f" {1e3 * proving[len(proving) // 2]:>14.2f}",
        flush=True,
    )


def questions(criterion: str, cid: cm.CID) -> Iterator[Verdict]:
    """Yield the verdicts of a criterion: of chance links for value of information, of all nodes otherwise."""
    if criterion == "voi":
        yield from (judge(cid, criterion, x, d) for x, d in chance_links(cid))
        return
    for d in cid.decisions if criterion != "voc" else (None,):
        for x in cid.nodes:
            if x != d and cid.kind(x) != "utility" and (criterion != "voc" or cid.kind(x) == "chance"):
                yield judge(cid, criterion, x, d)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 1000, given[1] if len(given) > 1 else 0)
