"""Examples of the literature with numbers: models whose published figures the library computes.

Probabilities and payoffs are those that the texts give in words; where they leave one open it is said in the note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cidmesa.diagram import CID
from cidmesa.literature.record import Example, Expected, Number
from cidmesa.mechanisms import Bernoulli, Categorical, Uniform
from cidmesa.model import CIM
from cidmesa.solve import harm, solve

_ICI = "Everitt et al. 2021, Thm 18"
_FIGURE = "Drawn from the text; the figure was not compared edge by edge."


def _driver() -> CIM:
    """A driver who cannot tell two exits apart: 0 at the first, 4 at the second, 1 for going on."""
    first = ["exit", "on"]

    def pay(first: str, second: str) -> int:
        if first == "exit":
            return 0
        return 4 if second == "exit" else 1

    return ABSENT_MINDED_DRIVER.cid.parameterise(first=first, second=first, pay=pay)


ABSENT_MINDED_DRIVER = Example(
    name="absent-minded-driver",
    title="A driver passes two exits that look alike and does not remember having passed one",
    cid=CID([("first", "pay"), ("second", "pay")], decisions=["first", "second"], utilities=["pay"]),
    source="M. Piccione and A. Rubinstein, 'On the interpretation of decision problems with imperfect recall', "
    "Games and Economic Behavior 1997, Example 1",
    expected=(
        Expected("relevance", ("second", "pay"), (), "first", "Koller and Milch 2003: d-separation, mechanised graph"),
    ),
    soluble=False,
    note=f"{_FIGURE} The paper draws a game tree; one rule serves both exits. Planned ahead, the best behavioural "
    "strategy leaves at each exit with a third.",
    model=_driver,
    numbers=(
        Number(
            "probability of leaving, of the best shared rule",
            1 / 3,
            lambda model: float(solve(model, shared_rules=[("first", "second")]).tables["first"][0]),
            "Piccione and Rubinstein 1997, Example 1",
            published=True,
        ),
        Number(
            "value of the best shared rule",
            4 / 3,
            lambda model: float(solve(model, shared_rules=[("first", "second")]).value),
            "Piccione and Rubinstein 1997, Example 1",
            published=True,
        ),
        Number(
            "value of the best deterministic shared rule",
            1.0,
            lambda model: max(
                model.expected_utility({"first": lambda a=a: a, "second": lambda a=a: a}) for a in model.domain("first")
            ),
            "by listing: leave at the first, or never",
        ),
    ),
)


def _treatments() -> CIM:
    """Two treatments that save as many: one leaves whom it does not cure to their fate, one kills them."""

    def lives(fate: int, draw: int, treat: str) -> int:
        cured = {"none": False, "first": draw >= 2, "second": draw >= 1}[treat]
        return int(cured) if treat == "second" else max(fate, int(cured))

    return TWO_TREATMENTS.cid.parameterise(
        fate=Bernoulli(0.5),
        draw=Uniform(0, 1, 2, 3, 4),
        treat=["none", "first", "second"],
        lives=lives,
        score=lambda lives: lives,
    )


TWO_TREATMENTS = Example(
    name="two-treatments",
    title="Half of the patients die untreated; one treatment cures 60 %, the other cures 80 % and kills the rest",
    cid=CID(
        [("fate", "lives"), ("draw", "lives"), ("treat", "lives"), ("lives", "score")],
        decisions=["treat"],
        utilities=["score"],
    ),
    source="J. Richens, R. Beard and D. Thompson, 'Counterfactual harm', NeurIPS 2022, the introductory example",
    expected=(Expected("ici", ("lives",), ("fate", "draw"), None, _ICI),),
    note=f"{_FIGURE} Both treatments save 80 %; only the second makes patients worse off than no treatment would.",
    model=_treatments,
    numbers=(
        Number(
            "survival under the first treatment",
            0.8,
            lambda model: model.expected_utility({"treat": lambda: "first"}),
            "the introductory example",
            published=True,
        ),
        Number(
            "survival under the second treatment",
            0.8,
            lambda model: model.expected_utility({"treat": lambda: "second"}),
            "the introductory example",
            published=True,
        ),
        Number(
            "expected harm of the first treatment",
            0.0,
            lambda model: harm(model, default="none")["first"],
            "Richens et al. 2022, Def. 3",
            published=True,
        ),
        Number(
            "expected harm of the second treatment",
            0.1,
            lambda model: harm(model, default="none")["second"],
            "Richens et al. 2022, Def. 3",
            published=True,
        ),
    ),
)


def _war() -> CIM:
    """A state is strong with nine chances in ten; its adversary sees whether it defends, and may attack."""
    return WAR_GAME.cid.parameterise(
        state=Categorical({"strong": 0.9, "weak": 0.1}),
        signal=["retreat", "defend"],
        attack=["no", "yes"],
        spared=lambda attack: 2 * int(attack == "no"),
        in_character=lambda state, signal: int((state == "strong") == (signal == "defend")),
        right=lambda state, attack: int((state == "weak") == (attack == "yes")),
    )


_DEFENDS = {"signal": lambda state: "defend"}
_HONEST = {"signal": lambda state: "defend" if state == "strong" else "retreat"}


def _against_best(model: CIM, policy: Mapping[str, Any], agent: str) -> float:
    """Return what an agent gets where S follows a policy and T answers as well as it can, not attacking who defends."""
    there = model.with_policy(policy)
    answer = solve(there, agent="T")
    if not np.isclose(there.expected_utility(_ATTACKS_WHO_RETREATS, agent="T"), answer.value["T"]):
        return float("nan")  # attacking whoever retreats would be no best answer
    return there.expected_utility(_ATTACKS_WHO_RETREATS, agent=agent)


_ATTACKS_WHO_RETREATS = {"attack": lambda signal: "no" if signal == "defend" else "yes"}

WAR_GAME = Example(
    name="war-game",
    title="A state that is mostly strong shows itself ready to defend, whatever it is, and so is not attacked",
    cid=CID(
        [
            ("state", "signal"),
            ("signal", "attack"),
            ("attack", "spared"),
            ("state", "in_character"),
            ("signal", "in_character"),
            ("state", "right"),
            ("attack", "right"),
        ],
        decisions={"S": ["signal"], "T": ["attack"]},
        utilities={"S": ["spared", "in_character"], "T": ["right"]},
    ),
    source="F. R. Ward, F. Belardinelli, F. Toni and T. Everitt, 'Honesty is the best policy: defining and mitigating "
    "AI deception', NeurIPS 2023, the war game",
    expected=(Expected("requisite", ("state",), (), "signal", "d-separation given the decision's family"),),
    note=(
        f"{_FIGURE} The payoffs could not be compared with the paper either: 2 for not being attacked and 1 for acting "
        "in character, 1 for attacking the weak alone, are the reading that gives its three figures. Always to defend "
        "deceives a T that attacks whoever retreats: it is paid .1 more than honesty, and T loses .1 by it."
    ),
    model=_war,
    numbers=(
        Number(
            "what S gets by always defending",
            2.9,
            lambda model: _against_best(model, _DEFENDS, "S"),
            "Ward et al. 2023, the war game",
            published=True,
        ),
        Number(
            "what S gets by honesty",
            2.8,
            lambda model: _against_best(model, _HONEST, "S"),
            "Ward et al. 2023, the war game",
            published=True,
        ),
        Number(
            "what T gets where S is honest",
            1.0,
            lambda model: _against_best(model, _HONEST, "T"),
            "Ward et al. 2023, the war game",
            published=True,
        ),
        Number(
            "what T gets where S always defends",
            0.9,
            lambda model: _against_best(model, _DEFENDS, "T"),
            "the share of the strong",
        ),
    ),
)

WORKED = (ABSENT_MINDED_DRIVER, TWO_TREATMENTS, WAR_GAME)
