r"""Whether choices fit together: revealed preferences, and how far they are from those of one utility.

An observation is a menu and what was taken from it. Taking :math:`x_t` *reveals* that it is at least as good as
:math:`x_s` if :math:`x_s` could have been had: it was on the menu, or it cost no more, :math:`p_t x_t \ge p_t x_s`;
*strictly* better if :math:`x_s` is another option of the menu, or cost less. Nobody has to say what is wanted.

=====================  ================================================================================================
GARP                   no chain of revealed preferences ends in something that was strictly better than its start:
                       exactly the choices that one utility explains [1]_ [2]_; counted are the pairs that break it
CCEI                   the largest share :math:`e` of each budget such that :math:`e\, p_t x_t \ge p_t x_s`, the
                       preferences that survive, break nothing: 1 fits, .95 wastes a twentieth [3]_
Kendall's :math:`\zeta`   1 less the share of circular triads (a over b over c over a) among the most there can be,
                       where every two options were once a menu of two [4]_
order inconsistency    how often a menu in another order got another answer
=====================  ================================================================================================

Prices are needed for the CCEI; without them GARP is that of menus, where what is taken is better than all that is left
(Richter's congruence: one strict order explains the choices [5]_).

>>> cycle = [(("tea", "milk"), "tea"), (("milk", "juice"), "milk"), (("juice", "tea"), "juice")]
>>> found = coherence(cycle)
>>> found.garp_violations, found.zeta
(3, 0.0)
>>> dearer_first = coherence([(1, 0), (0, 1)], prices=[(2, 1), (1, 2)])      # each time what costs twice as much
>>> dearer_first.garp_violations, dearer_first.ccei
(2, 0.5)

References
----------
.. [1] S. Afriat, "The construction of utility functions from expenditure data", International Economic Review 8, 1967.
.. [2] H. Varian, "The nonparametric approach to demand analysis", Econometrica 50, 1982.
.. [3] S. Afriat, "On a system of inequalities in demand analysis", International Economic Review 14, 1973.
.. [4] M. Kendall and B. Babington Smith, "On the method of paired comparisons", Biometrika 31, 1940.
.. [5] M. Richter, "Revealed preference theory", Econometrica 34, 1966.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from cidmesa.arrays import Array, Floats, Ints, Mask
from cidmesa.errors import NotApplicableError, shortened
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.shown import Shown
from cidmesa.solve import context_law
from cidmesa.validation.statistics import LEAST_SAMPLES
from cidmesa.validation.subjects import examine

if TYPE_CHECKING:
    from cidmesa.model import CIM

_EQUAL = 1e-12
"""Two costs that differ by less than this share of them are the same: what is left is rounding."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One observation: what was offered, and what was taken.

    Attributes
    ----------
    menu
        The options, in the order in which they were offered; ``None`` where only prices are known.
    option
        The one that was taken. With prices, a tuple of amounts.
    prices
        Of one unit of each good; ``None`` where options have none.
    """

    menu: tuple[Hashable, ...] | None
    option: Hashable
    prices: tuple[float, ...] | None = None


@dataclass(frozen=True, repr=False)
class Coherence(Shown):
    """How far choices are from those of one utility.

    Attributes
    ----------
    observations
        How many.
    garp_violations
        Pairs (t, s): :math:`x_t` is revealed to be at least as good as :math:`x_s`, directly or by a chain, and
        :math:`x_s` strictly better than :math:`x_t`. 0: one utility explains all.
    garp_share
        The same as a share of all ordered pairs of observations.
    ccei
        Afriat's efficiency, in [0, 1]; ``None`` without prices.
    circular_triads, zeta
        How many (a pair that was answered both ways equally often counts as decided by a coin), and Kendall's
        coefficient, 1 for an order; ``None`` unless every two of three or more options were a menu of two.
    order_inconsistency
        The share of pairs of observations with the same options (and prices) in different orders that were answered
        differently; ``None`` where no menu came in two orders.
    """

    observations: int
    garp_violations: int
    garp_share: float
    ccei: float | None
    circular_triads: float | None
    zeta: float | None
    order_inconsistency: float | None

    def _rows(self) -> list[dict[str, Any]]:
        names = {
            "garp_violations": "GARP violations",
            "garp_share": "as a share of pairs",
            "ccei": "Afriat's efficiency (CCEI)",
            "circular_triads": "circular triads",
            "zeta": "Kendall's zeta",
            "order_inconsistency": "order inconsistency",
        }
        return [{"measure": said, "value": getattr(self, name)} for name, said in names.items()]

    def _caption(self) -> str:
        return f"Coherence of {self.observations} choices"

    def to_dict(self) -> dict[str, Any]:
        """Return the measures by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __repr__(self) -> str:
        kept = [f"{self.observations} choices", f"{self.garp_violations} GARP violations"]
        kept += [
            f"{name} {value:.3g}" for name, value in (("ccei", self.ccei), ("zeta", self.zeta)) if value is not None
        ]
        return f"Coherence({', '.join(kept)})"


def coherence(choices: Iterable[Any], *, prices: Any = None) -> Coherence:
    r"""Return how coherent the preferences are that some choices reveal.

    Parameters
    ----------
    choices
        Pairs (menu, option taken), triples (menu, option taken, prices), or :class:`Chosen`, as from
        :func:`revealed_choices`; with ``prices=`` simply the bundles that were bought, one row an observation.
    prices
        Of each good in each observation, shape (observations, goods).

    Returns
    -------
    Coherence

    Raises
    ------
    NotApplicableError
        No choices; an option that is not on its menu; prices of some observations only, negative ones, or not as many
        as a bundle has goods; a bundle that costs nothing.

    Notes
    -----
    The CCEI is exact, without a search over :math:`e`: a cycle of observations breaks GARP at level :math:`e` iff
    :math:`e` exceeds each of its ratios :math:`p_t x_{t+1} / p_t x_t` (or equals some and exceeds others), so the
    answer is the least over cycles of their largest ratio, and never above 1. Cost: observations to the third power.
    On budgets in a fixed order of options a constant choice has a CCEI of 1: a high one alone shows no preference.

    References
    ----------
    Afriat 1967, 1973; Varian 1982; Kendall and Babington Smith 1940; Richter 1966: see the module.

    Examples
    --------
    >>> order = [(("a", "b"), "a"), (("b", "c"), "b"), (("c", "a"), "a"), (("b", "a"), "b")]
    >>> found = coherence(order)
    >>> found.zeta is not None, found.order_inconsistency          # a over b, but not when b comes first
    (True, 1.0)
    >>> print(coherence([(3, 1), (1, 3)], prices=[(1, 2), (2, 1)]))
    Coherence of 2 choices
    measure                     value
    ──────────────────────────  ─────
    GARP violations                 0
    as a share of pairs             0
    Afriat's efficiency (CCEI)      1
    circular triads             –
    Kendall's zeta              –
    order inconsistency         –
    """
    seen = _read(choices, prices)
    if seen[0].prices is None:
        weak, strict, ccei = *_by_menus(seen), None
    else:
        ratio = _ratios(seen)
        weak, strict, ccei = ratio <= 1 + _EQUAL, ratio < 1 - _EQUAL, _efficiency(ratio)
    chains = weak.copy()
    for through in range(len(seen)):
        chains |= chains[:, through, None] & chains[through]
    broken = chains & strict.T
    count = int(broken.sum())
    pairs = len(seen) * (len(seen) - 1)
    triads, zeta = _kendall(seen)
    return Coherence(len(seen), count, count / pairs if pairs else 0.0, ccei, triads, zeta, _order(seen))


def _read(choices: Iterable[Any], prices: Any) -> list[Chosen]:
    """Return what was chosen as observations that fit together."""
    given = list(choices)
    if not given:
        raise NotApplicableError("there is no choice to judge: pairs (menu, option taken).")
    if prices is not None:
        rows = list(prices)
        if len(rows) != len(given):
            raise NotApplicableError(f"{len(given)} choices and {len(rows)} rows of prices: give one row for each.")
        given = [
            Chosen(one.menu, one.option, tuple(row))
            if isinstance(one, Chosen)
            else Chosen(None, tuple(one), tuple(row))
            for one, row in zip(given, rows, strict=True)
        ]
    seen = [one if isinstance(one, Chosen) else _as_chosen(i, one) for i, one in enumerate(given)]
    for i, one in enumerate(seen):
        if one.menu is not None and one.option not in one.menu:
            raise NotApplicableError(f"choice {i} took {one.option!r}, which is not on its menu {one.menu!r}.")
        if (one.prices is None) != (seen[0].prices is None):
            raise NotApplicableError(f"choice {i} and choice 0 differ in having prices: all have them, or none.")
    return seen


def _as_chosen(number: int, one: Any) -> Chosen:
    if not isinstance(one, tuple | list) or len(one) not in (2, 3) or not isinstance(one[0], tuple | list):
        raise NotApplicableError(
            f"a choice is a pair (menu, option taken), or a triple with prices; choice {number} is {shortened(one)}. "
            "Bundles bought at prices: coherence(bundles, prices=prices)."
        )
    return Chosen(tuple(one[0]), one[1], tuple(one[2]) if len(one) == 3 else None)


def _by_menus(seen: Sequence[Chosen]) -> tuple[Mask, Mask]:
    """Return which observations' options each was preferred to, weakly and strictly, by what was on its menu."""
    weak = np.array([[other.option in (one.menu or ()) for other in seen] for one in seen])
    same = np.array([[other.option == one.option for other in seen] for one in seen])
    return weak, weak & ~same


def _ratios(seen: Sequence[Chosen]) -> Floats:
    """Return what each other bundle would have cost, as a share of what was spent."""
    goods = len(seen[0].prices or ())
    for i, one in enumerate(seen):
        bundle = one.option if isinstance(one.option, tuple) else ()
        if len(one.prices or ()) != goods or len(bundle) != goods or goods == 0:
            raise NotApplicableError(
                f"choice {i} has {len(one.prices or ())} prices for {one.option!r}: one price and one amount for each "
                f"of {goods} goods, (2, 0.5)."
            )
    bundles = np.array([one.option for one in seen], dtype=np.float64)
    prices = np.array([one.prices for one in seen], dtype=np.float64)
    cost = prices @ bundles.T
    spent = cost.diagonal()
    usable = np.isfinite(cost).all(axis=1) & (prices >= 0).all(axis=1) & (bundles >= 0).all(axis=1) & (spent > 0)
    if not usable.all():
        i = int(np.flatnonzero(~usable)[0])
        raise NotApplicableError(
            f"choice {i}, {seen[i].option!r} at prices {seen[i].prices!r}: amounts and prices are finite and not "
            "negative, and what was bought costs something."
        )
    ratio: Floats = cost / spent[:, None]
    return ratio


def _efficiency(ratio: Floats) -> float:
    """Return the least, over cycles of two observations or more, of their largest ratio; at most 1."""
    reach = ratio.copy()
    for through in range(len(reach)):
        reach = np.minimum(reach, np.maximum(reach[:, through, None], reach[through]))
    around = np.maximum(ratio, reach.T)
    np.fill_diagonal(around, 1.0)
    return min(1.0, float(around.min()))


def _kendall(seen: Sequence[Chosen]) -> tuple[float | None, float | None]:
    """Return the circular triads and Kendall's coefficient; ``None`` where some two options were no menu."""
    won: Counter[tuple[Hashable, Hashable]] = Counter()
    options: dict[Hashable, None] = {}
    for one in seen:
        if one.menu is not None and len(set(one.menu)) == 2 and len(one.menu) == 2:
            first, second = one.menu
            won[one.option, second if one.option == first else first] += 1
        options.update(dict.fromkeys(one.menu or ()))
    names = list(options)
    n = len(names)
    wins = np.array([[won[a, b] for b in names] for a in names], dtype=np.int64).reshape(n, n)
    if n < 3 or any(wins[i, j] + wins[j, i] == 0 for i, j in combinations(range(n), 2)):
        return None, None
    beats = (1 + np.sign(wins - wins.T)) / 2  # ½ where both were taken equally often
    np.fill_diagonal(beats, 0.0)
    triads = float(np.einsum("ij,jk,ki->", beats, beats, beats)) / 3
    most = (n**3 - n) / 24 if n % 2 else (n**3 - 4 * n) / 24
    return triads, 1 - triads / most


def _order(seen: Sequence[Chosen]) -> float | None:
    """Return how often the same options in two orders were answered differently."""
    alike: dict[Any, Counter[tuple[tuple[Hashable, ...], Hashable]]] = {}
    for one in seen:
        if one.menu is not None:
            offered = (frozenset(Counter(one.menu).items()), one.prices)
            alike.setdefault(offered, Counter())[one.menu, one.option] += 1
    pairs = other = 0
    for answers in alike.values():
        for ((menu, option), times), ((turned, answer), again) in combinations(answers.items(), 2):
            if menu != turned:
                pairs += times * again
                other += times * again * (option != answer)
    return other / pairs if pairs else None


# What agents choose -------------------------------------------------------------------------------------------------


def revealed_choices(
    agents: Any,
    model: CIM,
    *,
    menu: Callable[..., Sequence[Hashable]] | None = None,
    prices: Callable[..., Sequence[float]] | None = None,
    draws: int = 0,
    seed: int = 0,
) -> tuple[tuple[Chosen, ...], ...]:
    """Return what each agent takes from each menu that comes up in a model.

    Parameters
    ----------
    agents
        Any population: trained here or brought, with or without probabilities or a recipe.
    model
        With one decision, ``cm.Choice(actions, allowed=..)``: in a context its menu is what is allowed there.
    menu
        What the actions stand for, a function of observed nodes (its argument names) that returns one option for each
        action: where an agent says "the first" or "the second" of two things it is shown.
    prices
        A function of observed nodes that returns one price for each good.
    draws
        0: the action it takes most often, the first of several. Otherwise so many draws a context.
    seed
        Of the draws.

    Returns
    -------
    tuple
        One tuple of :class:`Chosen` for each agent, for :func:`coherence`.

    Raises
    ------
    NotApplicableError
        Several decisions; the agents fit another model; `menu` returns another number of options than there are
        actions.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("first", "take"), ("second", "take"), ("take", "joy")], decisions=["take"], utilities=["joy"])
    >>> fruit = ["apple", "pear", "plum"]
    >>> model = cid.parameterise(first=cm.Uniform(*fruit), second=cm.Uniform(*fruit), take=[0, 1], joy=lambda take: 0)
    >>> left = cm.agents.from_rules([{"take": lambda first, second: 0}], model)        # always what comes first
    >>> (chosen,) = revealed_choices(left, model, menu=lambda first, second: (first, second))
    >>> chosen[1]
    Chosen(menu=('apple', 'pear'), option='apple', prices=None)
    >>> coherence(chosen).order_inconsistency
    1.0
    """
    decision = model.cid.only_decision(question="revealed choices")
    law = np.asarray(context_law(model, decision), dtype=np.float64).reshape(-1)
    reached = np.flatnonzero(law > 0)
    subjects = examine(TrainingSetup(model), agents, {decision: reached}, draws=LEAST_SAMPLES, seed=seed)
    rules, actions = subjects.rules[decision], model.domain(decision)
    may = model.allowed(decision)
    free = np.ones(rules.shape[1:], dtype=bool) if may is None else may.reshape(rules.shape[1:])
    contexts, names = model.contexts(decision), model.cid.parents(decision)
    rng = np.random.default_rng(seed)
    found: list[list[Chosen]] = [[] for _ in range(len(rules))]
    for at in reached.tolist():
        observed = dict(zip(names, contexts[at], strict=True))
        options = actions if menu is None else tuple(_told(menu, observed, "menu"))
        if len(options) != len(actions):
            raise NotApplicableError(
                f"menu returned {len(options)} options for {observed!r}, and `{decision}` has {len(actions)} actions: "
                "one option for each."
            )
        offered = tuple(option for option, ok in zip(options, free[at], strict=True) if ok)
        paid = None if prices is None else tuple(float(p) for p in _told(prices, observed, "prices"))
        for agent, rule in enumerate(rules):
            found[agent] += [Chosen(offered, options[a], paid) for a in _taken(rule[at], free[at], draws, rng)]
    return tuple(map(tuple, found))


def _taken(rule: Floats, free: Mask, draws: int, rng: np.random.Generator) -> list[int]:
    likely: Array = np.where(free, rule, 0.0)
    if draws == 0:
        return [int(likely.argmax())]
    drawn: Ints = rng.choice(len(likely), size=draws, p=likely / likely.sum())
    return [int(a) for a in drawn]


def _told(function: Callable[..., Any], observed: dict[str, Any], what: str) -> Any:
    """Ask a function of observed nodes."""
    wanted = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    for name in wanted:
        if name not in observed:
            raise NotApplicableError(
                f"{what} is a function of what the decision observes, {', '.join(observed) or 'nothing'}; got `{name}`."
            )
    return function(**{name: observed[name] for name in wanted})
