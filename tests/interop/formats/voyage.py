"""One diagram in every format, and what it is worth by listing all policies: a voyage, insured or not, begun or not.

``tests/interop/files/voyage.*`` are written by hand. The season is known when the ship is insured and forgotten when it
sails, unless nothing is forgotten.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import cidmesa as cm

FILES = Path(__file__).parents[1] / "files"
ENDINGS = (".bifxml", ".bif", ".xdsl", ".net", ".dne", ".pgmx", ".elv", ".uai", ".jgum")
REMEMBERING = (".xdsl", ".dne", ".pgmx", ".elv", ".uai")
"""Formats whose program remembers what was known before."""

SEASON = {"summer": 0.6, "winter": 0.4}
CALM = {"summer": 0.9, "winter": 0.5}
FAIR = {"calm": 0.8, "storm": 0.3}
TO_SAIL = {("calm", "go"): 100, ("storm", "go"): -200}


def read(ending: str, **options: object) -> cm.CIM:
    """Read the voyage; BIF has neither decisions nor utilities."""
    if ending == ".bif":
        options = {"decisions": ["insure", "sail"], "utilities": ["gain", "cover", "premium"], **options}
    return cm.read(FILES / f"voyage{ending}", **options)


def model() -> cm.CIM:
    """Return the voyage as it is written, made by hand."""
    cid = cm.CID(
        [
            ("season", "weather"), ("weather", "report"), ("season", "insure"), ("report", "sail"),
            ("weather", "gain"), ("sail", "gain"), ("insure", "cover"), ("weather", "cover"), ("sail", "cover"),
            ("insure", "premium"),
        ],
        decisions=["insure", "sail"], utilities=["gain", "cover", "premium"],
    )  # fmt: skip
    return cid.parameterise(
        season=cm.Categorical(SEASON),
        weather=lambda season: {"calm": CALM[season], "storm": 1 - CALM[season]},
        report=lambda weather: {"fair": FAIR[weather], "grim": 1 - FAIR[weather]},
        insure=["yes", "no"],
        sail=["go", "stay"],
        gain=lambda weather, sail: TO_SAIL.get((weather, sail), 0),
        cover=lambda insure, weather, sail: 60 if (insure, weather, sail) == ("yes", "storm", "go") else 0,
        premium=lambda insure: -15 if insure == "yes" else 0,
    )


def worth(*, remembering: bool) -> float:
    """Return the largest mean payoff over all policies, listed one by one."""
    seen = list(product(["fair", "grim"], SEASON)) if remembering else [("fair", ""), ("grim", "")]
    best = float("-inf")
    for insured in product(["yes", "no"], repeat=2):
        insure = dict(zip(SEASON, insured, strict=True))
        for acts in product(["go", "stay"], repeat=len(seen)):
            sail = dict(zip(seen, acts, strict=True))
            best = max(best, _mean(insure, sail, remembering))
    return best


def _mean(insure: dict[str, str], sail: dict[tuple[str, str], str], remembering: bool) -> float:
    total = 0.0
    for season, weather, report in product(SEASON, ["calm", "storm"], ["fair", "grim"]):
        chance = SEASON[season]
        chance *= CALM[season] if weather == "calm" else 1 - CALM[season]
        chance *= FAIR[weather] if report == "fair" else 1 - FAIR[weather]
        act = sail[report, season if remembering else ""]
        paid = TO_SAIL.get((weather, act), 0) - 15 * (insure[season] == "yes")
        paid += 60 * (insure[season] == "yes" and weather == "storm" and act == "go")
        total += chance * paid
    return total


def looks(cid: cm.CID, key: str) -> dict[str, object]:
    """Return one attribute of every node that has it."""
    return {node: known[key] for node, known in cid.attributes.items() if key in known}
