"""pycid's own ``get_ne`` and ``get_spe``, run on every game it ships, beside ours.

They ask for pygambit 16.0.2; :mod:`tests.interop.pycid_gambit` lets them have the pygambit that is installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from cidmesa.interop.pycid import enable
from cidmesa.solve import mixed_equilibria, pure_equilibria, subgame_perfect_equilibria
from tests.interop.pycid_examples import SEVERAL, model, needs_pycid, numbered, theirs
from tests.strategies import examples

pytestmark = [needs_pycid]
pytest.importorskip("pygambit", reason="pygambit is not installed: pip install pygambit builds it")

STUCK = {"signal": "domain", "umbrella": "W"}
"""Games over which pycid's own solver fails, and what its error names: the domain of a table, a missing parent."""

SLOW = {"subgame_mixed_spe"}
"""Seven players, for whose 128 plays pycid asks for each payoff anew; left out of the quick profile."""

PLAYED = [name for name in numbered(SEVERAL) if name not in STUCK and (name not in SLOW or examples(quick=0, full=1))]


@pytest.fixture(autouse=True)
def _current_gambit(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.interop import pycid_gambit

    enable()
    monkeypatch.setattr("pycid.export.gambit.pygambit", pycid_gambit)


def paid(name: str, found: Iterable[Any]) -> set[tuple[float, ...]]:
    """What every agent gets under each of pycid's equilibria, by pycid's inference."""
    values = set()
    for rules in found:
        game = theirs(name)
        game.add_cpds(*rules)
        values.add(tuple(round(game.expected_utility({}, agent=a), 6) + 0.0 for a in model(name).cid.agents))
    return values


def ours(name: str, found: Iterable[Any]) -> set[tuple[float, ...]]:
    return {tuple(round(e.values[agent], 6) + 0.0 for agent in model(name).cid.agents) for e in found}


def agents_that_decide(name: str) -> int:
    cid = model(name).cid
    return len({cid.agent_of(decision) for decision in cid.decisions})


@pytest.mark.parametrize("name", PLAYED)
def test_pure_and_mixed_equilibria_pay_the_same(name: str) -> None:
    """Where two decide, gambit lists all extreme equilibria, as we do."""
    assert paid(name, theirs(name).get_ne(solver="enumpure")) == ours(name, pure_equilibria(model(name)))
    if agents_that_decide(name) == 2:
        assert paid(name, theirs(name).get_ne(solver="enummixed")) == ours(name, mixed_equilibria(model(name)))


@pytest.mark.parametrize("name", PLAYED)
def test_subgame_perfect_equilibria_pay_the_same(name: str) -> None:
    """pycid lists mixed ones beside pure ones; here they are looked for where there are no pure ones."""
    pure = theirs(name).get_spe(solver="enumpure") if name not in SLOW else []
    expected = paid(name, pure or theirs(name).get_spe())
    assert expected
    assert ours(name, subgame_perfect_equilibria(model(name), mixed=True)) == expected


@pytest.mark.parametrize("name", STUCK)
def test_the_games_over_which_it_fails(name: str) -> None:
    with pytest.raises((AttributeError, KeyError), match=STUCK[name]):
        theirs(name).get_ne()
    assert pure_equilibria(model(name))
