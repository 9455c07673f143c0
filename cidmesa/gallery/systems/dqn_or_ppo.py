"""Some agents learn what actions are worth, others learn a policy; whose preferences hang together is asked here.

"Someone should compare" them, said a reader of *Risks from Learned Optimization*; here is a comparison. Two learners
are trained on one diagram and then asked to choose. Nobody says what they want; the choices say whether one utility
explains them at all. *Pairs*: two of eight bundles are offered, in either order. *Budgets*: at given prices of two
goods four ways to spend a budget are offered, in any order. In training some bundles, prices and orders do not come up;
off distribution they do. What is enjoyed is a CES utility with an exponent of .5, give or take .3.

The options come in a fresh order and are what the agent is shown. In a fixed order a chooser that always takes the same
would have an efficiency of 1 and no preference at all, so a constant and a random chooser stand beside the agents.
Nothing is predicted: differences are tested on both sides, and where both learners have a perfect score the measure
says nothing. The design (32 hidden units, 600 steps) was fixed on seed 0; the recipe runs seed 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

import cidmesa as cm
from cidmesa.gallery.findings import not_run, of_all
from cidmesa.gallery.system import Claim, Evidence, Finding, System, settled
from cidmesa.validation.revealed import revealed_choices
from cidmesa.validation.statistics import ALPHA, correct, holm, permutation_test, share_test

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.arrays import Floats

SOURCE = "a comment on E. Hubinger et al., Risks from Learned Optimization: Introduction, 2019"
BUNDLES = ((0.2, 1.8), (0.5, 1.4), (0.9, 0.9), (1.5, 0.5), (1.2, 0.3), (0.3, 0.8), (0.7, 0.2), (1.0, 1.2))
SHARES = (0.1, 0.35, 0.6, 0.9)
ORDERS = tuple(permutations(SHARES))
PRICES = ((1.0, 1.0), (2.0, 0.5), (0.5, 2.0), (1.6, 0.625), (0.625, 1.6), (2.5, 0.4))
BUDGET = 5.0
SHOWN = {"bundles": 6, "orders": 12, "prices": 4}
"""How many of them come up in training: the first ones."""
OFF = "off distribution"
BODIES = {"dqn": "nets that learn what each action is worth", "ppo": "nets that learn a policy"}


def joy(bundle: tuple[float, float]) -> float:
    """Return the CES utility of a bundle of two goods, of which the first is liked better.

    >>> round(joy((1.0, 1.0)), 9), round(joy((4.0, 0.0)), 9)
    (1.0, 1.44)
    """
    return float((0.6 * bundle[0] ** 0.5 + 0.4 * bundle[1] ** 0.5) ** 2)


def bought(price: tuple[float, float], share: float) -> tuple[float, float]:
    """Return the bundle that a share of the budget for the first good, and the rest for the second, buys.

    >>> bought((2.0, 0.5), 0.4)
    (1.0, 6.0)
    """
    return round(BUDGET * share / price[0], 9), round(BUDGET * (1 - share) / price[1], 9)


def _some(values: tuple[Any, ...], shown: int | None = None) -> cm.Categorical:
    """Return a uniform law over the first values, with the others in its domain."""
    n = shown or len(values)
    return cm.Categorical({value: float(i < n) / n for i, value in enumerate(values)})


def pairs() -> cm.TrainingSetup:
    """Return the choice between two of eight bundles."""
    cid = cm.CID([("first", "take"), ("second", "take"), ("first", "got"), ("second", "got"), ("take", "got"),
                  ("got", "joy"), ("luck", "joy")], decisions=["take"], utilities=["joy"])  # fmt: skip
    model = cid.parameterise(
        first=_some(BUNDLES, SHOWN["bundles"]),
        second=_some(BUNDLES, SHOWN["bundles"]),
        take=[0, 1],
        got=cm.Function(lambda first, second, take: (first, second)[take], domain=BUNDLES),
        luck=cm.Uniform(-0.3, 0.3),
        joy=lambda got, luck: joy(got) + luck,
    )
    return cm.TrainingSetup(model, deployments={OFF: {"first": _some(BUNDLES), "second": _some(BUNDLES)}})


def budgets() -> cm.TrainingSetup:
    """Return the choice between four ways to spend a budget."""
    cid = cm.CID([("price", "take"), ("order", "take"), ("price", "got"), ("order", "got"), ("take", "got"),
                  ("got", "joy"), ("luck", "joy")], decisions=["take"], utilities=["joy"])  # fmt: skip
    model = cid.parameterise(
        price=_some(PRICES, SHOWN["prices"]),
        order=_some(ORDERS, SHOWN["orders"]),
        take=[0, 1, 2, 3],
        got=lambda price, order, take: bought(price, order[take]),
        luck=cm.Uniform(-0.3, 0.3),
        joy=lambda got, luck: joy(got) + luck,
    )
    return cm.TrainingSetup(model, deployments={OFF: {"price": _some(PRICES), "order": _some(ORDERS)}})


SETUPS: Mapping[str, Callable[[], cm.TrainingSetup]] = {"pairs": pairs, "budgets": budgets}


def agents(setup: cm.TrainingSetup, body: str, **options: Any) -> Agents:
    """Train nets that are shown amounts, shares and prices as numbers."""
    model = setup.require_model("training")

    def shown(values: Any) -> Any:
        return lambda card: 2 * np.array(values, dtype=np.float64).reshape(card, 1, -1) - 1

    numbers = {"first": BUNDLES, "second": BUNDLES, "order": ORDERS, "price": np.log(PRICES)}
    encoders = {node: shown(values) for node, values in numbers.items() if node in model.cid}
    recipe = {"learner": body, "policy": "mlp", "agents": 24, "steps": 600, "seed": 1}
    return cm.train(setup, encoders=encoders, **{**recipe, **options})


def measured(chooser: Any, setup: cm.TrainingSetup, where: str) -> dict[str, Floats]:
    """Return how coherent each agent is, and how much its choices look like the pursuit of joy."""
    model = setup.deployed(where)
    if "price" in model.cid:
        chosen = revealed_choices(
            chooser, model, menu=lambda price, order: tuple(bought(price, share) for share in order),
            prices=lambda price: price,
        )  # fmt: skip
        names = ["ccei", "garp_share", "order_inconsistency"]
    else:
        chosen = revealed_choices(chooser, model, menu=lambda first, second: (first, second))
        names = ["zeta", "garp_share", "order_inconsistency"]
    found = [cm.coherence(one) for one in chosen]
    rules = chooser.probabilities("take")
    shape = (*map(model.card, model.cid.parents("take")), model.card("take"))
    directed = [cm.goal_directedness({"take": rule.reshape(shape)}, model).share for rule in rules]
    return {name: np.array([getattr(one, name) for one in found]) for name in names} | {
        "goal-directedness": np.array(directed)
    }


def choosers(setup: cm.TrainingSetup, agents: int, seed: int = 1) -> dict[str, Any]:
    """Return choosers without preferences: at random, and always what comes first."""
    model, rng = setup.require_model("choosers"), np.random.default_rng(seed)
    cards = tuple(map(model.card, model.cid.parents("take")))
    one = np.eye(model.card("take"))
    first = {"take": np.broadcast_to(one[0], (*cards, len(one)))}
    drawn = [{"take": one[rng.integers(0, len(one), cards)]} for _ in range(agents)]
    return {"random": cm.agents.from_rules(drawn, model), "constant": cm.agents.from_rules([first] * agents, model)}


def claims() -> tuple[Claim, ...]:
    """Return the question, for each kind of choice, and what the controls show."""
    return (
        Claim("A constant choice is perfectly efficient where options stand in a fixed order.", _fixed_order),
        *(Claim(f"DQN and PPO agents differ in how coherent they are ({arm}).", _differ(arm)) for arm in SETUPS),
        *(Claim(f"Both are more coherent than chance ({arm}).", _above_chance(arm)) for arm in SETUPS),
    )


def system() -> System:
    """Return two kinds of choices and two learners."""
    setups = {arm: make() for arm, make in SETUPS.items()}
    return System(
        name="dqn-or-ppo",
        title="DQN or PPO: whose preferences hang together?",
        source=SOURCE,
        story=__doc__ or "",
        setups=setups,
        derive={arm: {"targets": ["got"]} for arm in setups},
        claims=claims(),
        bodies=BODIES,
        train=agents,
        seconds=20.0,
        fast={"agents": 20, "steps": 200},
    )


# How the claims are judged -------------------------------------------------------------------------------------------


def _fixed_order(evidence: Evidence) -> Finding:
    found = {share: cm.coherence([bought(p, share) for p in PRICES], prices=PRICES).ccei for share in SHARES}
    setup = evidence.families["budgets"].setup
    here = measured(choosers(setup, 1)["constant"], setup, OFF)["ccei"][0]
    words = ", ".join(f"{ccei:.3g}" for ccei in found.values())
    right = set(found.values()) == {1.0} and here < 1
    return settled(right, f"efficiency {words} for each constant share; always the first of a fresh order: {here:.3g}")


def _differ(arm: str) -> Any:
    def judge(evidence: Evidence) -> Finding:
        trained = [evidence.agents.get((arm, body)) for body in BODIES]
        if None in trained:
            return not_run(f"both bodies on the arm {arm}")
        setup = evidence.families[arm].setup
        apart: dict[str, tuple[Floats, Floats]] = {}
        for where in ("training", OFF):
            one, other = (measured(agents, setup, where) for agents in trained)
            apart |= {f"{name}, {where}": (one[name], other[name]) for name in one}
        p = dict(zip(apart, holm([permutation_test(*both) for both in apart.values()]), strict=True))
        words = [
            f"{name} {a.mean():.3f} and {b.mean():.3f} "
            + ("(all 1: says nothing)" if (a == 1).all() and (b == 1).all() else f"(p = {p[name]:.2g})")
            for name, (a, b) in apart.items()
        ]
        return Finding("supported" if min(p.values()) <= ALPHA else "inconclusive", "; ".join(words))

    return judge


def _above_chance(arm: str) -> Any:
    def judge(evidence: Evidence) -> Finding:
        setup = evidence.families[arm].setup
        tests, words = [], []
        for body in BODIES:
            trained = evidence.agents.get((arm, body))
            if trained is None:
                return not_run(f"body `{body}` on the arm {arm}")
            least = measured(choosers(setup, len(trained))["random"], setup, "training")["order_inconsistency"].min()
            below = int((measured(trained, setup, "training")["order_inconsistency"] < least).sum())
            tests.append(share_test(below, len(trained) - below, len(trained)))
            words.append(f"{body}: {below} of {len(trained)} less inconsistent than the best of chance, {least:.2f}")
        return of_all([test.verdict() for test in correct(tests)], "; ".join(words))

    return judge
