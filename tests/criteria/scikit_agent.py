"""What scikit-agent says of the incentives of random diagrams and of the literature's, kept for the tests.

    python -m tests.criteria.scikit_agent --make     # an environment of its own, .venv-scikit-agent (2 GB)
    python -m tests.criteria.scikit_agent            # asks it again and writes tests/criteria/scikit_agent.json

scikit-agent imports torch and much else at once, so that it is asked in an environment and a process of its own. The
file holds diagrams and answers and no code; ``test_scikit_agent`` compares it with what this library says.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cidmesa as cm
from cidmesa import literature
from tests.criteria.random_cids import random_cid, zigzag_cid

VERSION = "0.2.0"
ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-scikit-agent"
WORKER = Path(__file__).with_name("scikit_agent_worker.py")
ANSWERS = Path(__file__).with_name("scikit_agent.json")


def make(environment: Path, also: list[str]) -> None:
    """Make an environment with scikit-agent in it."""
    python = environment / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    for wanted in (*also, f"scikit-agent=={VERSION}"):
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", wanted], check=True)


def ask(environment: Path, diagrams: list[dict[str, Any]], *options: str) -> list[Any]:
    """Return what scikit-agent says of each diagram."""
    command = [str(environment / "bin" / "python"), str(WORKER), *options]
    done = subprocess.run(command, input=json.dumps(diagrams), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"scikit-agent did not answer:\n{done.stderr}")
    answers: list[Any] = json.loads(done.stdout)
    return answers


def written(cid: cm.CID) -> dict[str, Any]:
    """Write a diagram as plain data."""
    return {
        "nodes": list(cid.nodes),
        "edges": [[cid.id(tail), cid.id(head)] for tail, head in cid.edges],
        "decisions": list(cid.decisions),
        "utilities": list(cid.utilities),
    }


def drawn(count: int = 480, idle: int = 20) -> Iterator[tuple[str, cm.CID]]:
    """Draw diagrams of one decision that leads to a utility, a fifth of them with chains of colliders; some do not."""
    rng = random.Random(2026)
    made = {True: 0, False: 0}
    while sum(made.values()) < count + idle:
        cid = zigzag_cid(rng) if rng.random() < 0.2 else random_cid(rng, rng.randint(3, 12))
        leads = not cid.descendants(cid.decisions[0]).isdisjoint(cid.utilities)
        if made[leads] < (count if leads else idle):
            made[leads] += 1
            yield f"drawn {sum(made.values())}", cid


def known() -> Iterator[tuple[str, cm.CID]]:
    """Yield the literature's diagrams of one agent."""
    for example in literature.examples():
        if example.cid.decisions and len(example.cid.agents) == 1:
            yield example.name, example.cid


def main() -> None:
    """Make the environment, or write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT)
    parser.add_argument("--make", action="store_true", help="make the environment and stop")
    parser.add_argument("--also", nargs="*", default=[], help="requirements to install first, such as a torch for CPUs")
    chosen = parser.parse_args()
    if chosen.make:
        make(chosen.environment, chosen.also)
        return
    diagrams = dict([*known(), *drawn()])
    plain = [written(cid) for cid in diagrams.values()]
    answers = ask(chosen.environment, plain)
    rows = [
        json.dumps({"name": name, **diagram, "answers": said}, separators=(",", ":"))
        for name, diagram, said in zip(diagrams, plain, answers, strict=True)
    ]
    head = json.dumps({"program": f"scikit-agent {VERSION}"})
    ANSWERS.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    print(f"{len(rows)} diagrams, {ANSWERS.stat().st_size / 1024:.0f} KB: {ANSWERS}")


if __name__ == "__main__":
    main()
