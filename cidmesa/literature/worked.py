"""Examples of the literature with numbers: models whose published figures the library computes.

Probabilities and payoffs are those that the texts give in words; where they leave one open it is said in the note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cidmesa.diagram import CID
from cidmesa.literature.record import Example, Expected, Number
from cidmesa.mechanisms import Bernoulli, Categorical, Function, Noisy, Uniform
from cidmesa.model import CIM
from cidmesa.solve import harm, intention, solve

_ICI = "Everitt et al. 2021, Thm 18"
_DECEPTION = "Ward et al. 2023, the graphical criterion; the number of its theorem was not to be had"
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
    expected=(
        Expected("requisite", ("state",), (), "signal", "d-separation given the decision's family"),
        Expected("deception", ("state",), (), "signal", _DECEPTION, label="attack"),
        Expected("deception", (), ("state",), "attack", _DECEPTION, label="signal"),
    ),
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


def _car() -> CIM:
    """A peach needs repairs for 40, a lemon for 200, on a car that is worth 100 more than it costs."""
    repairs = {"peach": 40, "lemon": 200}

    def profit(condition: str, buy: str) -> float:
        cost = repairs[condition]
        if buy == "with guarantee":  # half of the repairs, all of them above 100
            return 100 - 60 - (0 if cost > 100 else cost / 2)
        return 100 - cost if buy == "as it is" else 0

    return USED_CAR_BUYER.cid.parameterise(
        condition=Categorical({"peach": 0.8, "lemon": 0.2}),
        ask=["no", "yes"],
        report=lambda condition, ask: condition if ask == "yes" else "nothing",
        buy=["as it is", "with guarantee", "no"],
        fee=lambda ask: -25 * int(ask == "yes"),
        profit=profit,
    )


USED_CAR_BUYER = Example(
    name="used-car-buyer",
    title="Joe may buy a used car, with a guarantee or without, and pay a stranger first to tell him what it is",
    cid=CID(
        [
            ("condition", "report"),
            ("ask", "report"),
            ("report", "buy"),
            ("ask", "fee"),
            ("condition", "profit"),
            ("buy", "profit"),
        ],
        decisions=["ask", "buy"],
        utilities=["fee", "profit"],
    ),
    source="R. A. Howard, 'The used car buyer', in Readings in Decision Analysis, Stanford Research Institute 1977, in "
    "the short version of the documentation of DecisionProgramming.jl",
    expected=(
        Expected(
            "relevance",
            ("condition", "report", "profit"),
            ("fee",),
            "buy",
            "Koller and Milch 2003: d-separation, mechanised graph",
        ),
    ),
    soluble=False,
    note=f"{_FIGURE} Numbers and the 31 are those of the short version; Howard's own text, with a choice of tests, was "
    "not compared. Joe does not observe whether he asked, so that no order solves the decisions one by one; the report "
    "tells him.",
    model=_car,
    numbers=(
        Number(
            "expected profit of the best strategy",
            31.0,
            lambda model: float(solve(model, method="multiple policy updating").value),
            "the documentation of DecisionProgramming.jl",
            published=True,
        ),
        Number(
            "expected profit of buying as it is, unasked",
            28.0,
            lambda model: model.expected_utility({"ask": lambda: "no", "buy": lambda report: "as it is"}),
            "the documentation of DecisionProgramming.jl",
            published=True,
        ),
    ),
)


def _oversight() -> CIM:
    """A supervisor tries the policy out in simulation, and aborts the real thing if it would exploit there."""

    def reward(place: str, done: str) -> int:
        if done == "abort":
            return -3
        return 2 * int(place == "real") + int(done == "exploit")

    return SIMULATION_OVERSIGHT.cid.parameterise(
        choose=["real", "simulation"],
        place=Noisy(lambda choose: choose, 0.1),
        in_real=["complete", "exploit"],
        in_simulation=["complete", "exploit"],
        done=Function(_supervised, domain=("complete", "exploit", "abort")),
        reward=reward,
    )


def _supervised(place: str, in_real: str, in_simulation: str) -> str:
    if place == "simulation":
        return in_simulation
    return "abort" if in_simulation == "exploit" else in_real


def _unsupervised(place: str, in_real: str, in_simulation: str) -> str:
    return in_simulation if place == "simulation" else in_real


def _blind(model: CIM) -> Mapping[str, Any]:
    """Return the policy that is best where actions are done as they were chosen: the fixed point of Q-learning."""
    return solve(model.shift(done=_unsupervised)).policy


def _empirical(model: CIM) -> Mapping[str, Any]:
    """Return what empirical Sarsa ends with: each action judged by what is done after it, not by what it does to that.

    The last actions are judged by their rewards alone; the first one by what the supervisor makes of the last ones.
    """
    last = {d: rule for d, rule in _blind(model).items() if d != "choose"}
    return {**last, **solve(model.with_policy(last)).policy}


_LANGLOIS = "Langlois and Everitt 2021, the simulation-oversight environment"

SIMULATION_OVERSIGHT = Example(
    name="simulation-oversight",
    title="A supervisor runs the policy in simulation and stops it in reality if it exploits there: learners differ",
    cid=CID(
        [
            ("choose", "place"),
            ("place", "done"),
            ("in_real", "done"),
            ("in_simulation", "done"),
            ("place", "reward"),
            ("done", "reward"),
        ],
        decisions=["choose", "in_real", "in_simulation"],
        utilities=["reward"],
    ),
    source="E. Langlois and T. Everitt, 'How RL agents behave when their actions are modified', AAAI 2021, simulation "
    "oversight",
    expected=(
        Expected(
            "relevance",
            ("in_simulation", "in_real", "done", "place"),
            (),
            "choose",
            "Koller and Milch 2003: d-separation, mechanised graph",
        ),
    ),
    soluble=False,
    note=(
        f"{_FIGURE} The environment is that of the authors' published code, less the action that aborts, which nobody "
        "takes; a state of it is a decision here, since the supervisor looks at the policy. The figures follow from "
        "what each learner is known to converge to (the paper's propositions, whose numbers were not to be had) and "
        "were not compared with its tables. Q-learning and virtual Sarsa ignore the modification; empirical Sarsa "
        "avoids what is modified, by staying in simulation, without changing what triggers it; reward "
        "maximisation (evolution strategies) behaves in simulation so as not to be stopped."
    ),
    model=_oversight,
    numbers=(
        Number(
            "reward of evolution strategies, which respond: well-behaved in simulation alone",
            2.7,
            lambda model: float(solve(model).value),
            f"{_LANGLOIS}; .9 · 3 + .1 · 0",
        ),
        Number(
            "reward of empirical Sarsa, which responds by staying in simulation",
            0.6,
            lambda model: model.expected_utility(_empirical(model)),
            f"{_LANGLOIS}; .9 · 1 − .1 · 3",
        ),
        Number(
            "reward of Q-learning and of virtual Sarsa, which do not respond",
            -2.6,
            lambda model: model.expected_utility(_blind(model)),
            f"{_LANGLOIS}; .1 · 1 − .9 · 3",
        ),
        Number(
            "what Q-learning and virtual Sarsa believe that they get",
            2.8,
            lambda model: float(solve(model.shift(done=_unsupervised)).value),
            f"{_LANGLOIS}; .9 · 3 + .1 · 1",
        ),
    ),
)


def _garage() -> CIM:
    """An heir who plants a bomb in the garage gains by the death of the uncle, and loses the car."""
    return GARAGE.cid.parameterise(
        plant=["no", "yes"],
        uncle=lambda plant: "dead" if plant == "yes" else "alive",
        guest=lambda plant: "dead" if plant == "yes" else "alive",
        car=lambda plant: "wrecked" if plant == "yes" else "whole",
        gain=lambda uncle, car: 10 * int(uncle == "dead") + int(car == "whole"),
    )


def _intends(node: str) -> Callable[[CIM], float]:
    return lambda model: float(intention(model, node) is not None)


_REASON = "Ward et al. 2024, Def. 3, by hand"

GARAGE = Example(
    name="garage",
    title="An heir plants a bomb in the garage: the uncle's death is intended, the guest's and the wrecked car are not",
    cid=CID(
        [
            ("plant", "uncle"),
            ("plant", "guest"),
            ("plant", "car"),
            ("uncle", "gain"),
            ("car", "gain"),
        ],
        decisions=["plant"],
        utilities=["gain"],
    ),
    source="F. R. Ward, M. MacDermott, F. Belardinelli, F. Toni and T. Everitt, 'The reasons that agents act: "
    "intention and instrumental goals', AAMAS 2024, after J. Y. Halpern and M. Kleiman-Weiner, 'Towards formal "
    "definitions of blameworthiness, intention, and moral responsibility', AAAI 2018",
    expected=(Expected("intention", ("uncle", "car"), ("guest",), None, "Ward et al. 2024, the graphical criterion"),),
    note=(
        f"{_FIGURE} The text of the example was not to be had: story, payoffs and answers are a reading of the earlier "
        "paper's bomb, and nothing here was compared with a printed figure. A graph alone cannot tell the uncle from "
        "the car, which matters to the gain as well; the numbers can."
    ),
    model=_garage,
    numbers=(
        Number("the uncle's death is intended (1 is yes)", 1.0, _intends("uncle"), _REASON),
        Number("the guest's death is intended", 0.0, _intends("guest"), _REASON),
        Number("the wrecked car is intended", 0.0, _intends("car"), _REASON),
    ),
)

WORKED = (ABSENT_MINDED_DRIVER, USED_CAR_BUYER, TWO_TREATMENTS, WAR_GAME, SIMULATION_OVERSIGHT, GARAGE)
