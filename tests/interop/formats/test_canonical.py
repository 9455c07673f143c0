"""Canonical models: their tables are those of the definition, part by part, in each format that has them."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.interop.files import from_bytes
from cidmesa.interop.formats.canonical import combined
from cidmesa.interop.formats.network import Options
from tests.interop.formats import voyage
from tests.strategies import examples

MAKES: dict[str, Any] = {
    "first": min,
    "last": max,
    "tuning": lambda states: 1 + int(np.sign(sum(state - 1 for state in states))),
}


def by_definition(model: Any, parts: Any, leak: Any) -> Any:
    """Sum over what each part and the leak make of the node."""
    states = parts[0].shape[-1]
    table = np.zeros((*(len(part) for part in parts), states))
    for values in product(*(range(len(part)) for part in parts)):
        laws = [part[value] for part, value in zip(parts, values, strict=True)] + ([] if leak is None else [leak])
        for made in product(range(states), repeat=len(laws)):
            weight = np.prod([law[state] for law, state in zip(laws, made, strict=True)])
            table[(*values, MAKES[model](made))] += weight
    return table


@given(st.data())
@settings(max_examples=examples(quick=40, full=600), deadline=None)
def test_the_table_is_that_of_the_definition(data: Any) -> None:
    model = data.draw(st.sampled_from(sorted(MAKES)))
    states = 3 if model == "tuning" else data.draw(st.integers(1, 4))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    parts = [draw.dirichlet(np.full(states, 0.5), data.draw(st.integers(1, 3))) for _ in range(draw.integers(1, 4))]
    leak = draw.dirichlet(np.ones(states)) if data.draw(st.booleans()) else None
    table = combined(model, parts, leak)
    np.testing.assert_allclose(table, by_definition(model, parts, leak), atol=1e-12)
    np.testing.assert_allclose(table.sum(-1), 1, atol=1e-12)
    assert (table >= 0).all()


def test_a_cause_that_always_fails_changes_nothing() -> None:
    part, idle = np.array([[0.7, 0.2, 0.1], [0, 0, 1]]), np.array([[0.0, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(combined("first", [part, idle]), np.stack([part, part], axis=1))
    np.testing.assert_allclose(combined("last", [part, idle])[..., 2], 1)


# In files -------------------------------------------------------------------------------------------------------------

STRONG, MILD, LEAK = [0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.05, 0.05, 0.9]
"""What the first parent's *bad* and *fair* bring about, and the leak: *severe*, *mild* or *none* of a trouble."""

OTHER = [0.6, 0.0, 0.4]
"""What the second parent's value *yes* brings about."""

NOTHING = [0.0, 0.0, 1.0]
EXPECTED = by_definition("first", [np.array([STRONG, MILD, NOTHING]), np.array([OTHER, NOTHING])], np.array(LEAK))
"""The table of the trouble, over *bad, fair, good* and *yes, no*."""

FILES = {ending: (voyage.FILES / f"trouble{ending}").read_text() for ending in (".xdsl", ".elv", ".pgmx")}


def read(text: str, ending: str) -> Any:
    return from_bytes(text.encode(), f"x{ending}", Options())


@pytest.mark.parametrize("ending", FILES)
def test_files_with_a_noisy_max_mean_the_same(ending: str) -> None:
    """Their states are in other orders, and so are their parts."""
    model = read(FILES[ending], ending)
    rows = [
        [[model.query(["trouble"], given={"wear": wear, "rain": rain})[state] for state in ("severe", "mild", "none")]
         for rain in ("yes", "no")]
        for wear in ("bad", "fair", "good")
    ]  # fmt: skip
    np.testing.assert_allclose(rows, EXPECTED, atol=1e-12)


def test_min_and_tuning_models() -> None:
    least = read(FILES[".elv"].replace("CausalMax", "Min"), ".elv")
    parts = [np.array([STRONG, MILD, NOTHING]), np.array([OTHER, NOTHING])]
    np.testing.assert_allclose(least.cpd("trouble"), by_definition("last", parts, np.array(LEAK)), atol=1e-12)
    parts = [np.array([row[::-1] for row in rows]) for rows in ((NOTHING, MILD, STRONG), (NOTHING, OTHER))]
    tuned = read(FILES[".pgmx"].replace("OR / MAX", "Tuning"), ".pgmx")
    np.testing.assert_allclose(tuned.cpd("trouble"), by_definition("tuning", parts, np.array(LEAK[::-1])), atol=1e-12)


@pytest.mark.parametrize(
    ("ending", "old", "new", "words"),
    [
        (".xdsl", "1 2 0 0 1", "1 2 0 0", "has 4 strengths and 18 parameters, and its parents and states ask for 5"),
        (".xdsl", "1 2 0 0 1", "1 2 2 0 1", "name each of the 3 states of `wear` once; got 1 2 2"),
        (".xdsl", "1 2 0 0 1", "1 2 0 0 9", "name each of the 2 states of `rain` once"),
        (".elv", "troublerain, ", "", "says nothing of its parent `rain`"),
        (".elv", "troublerain, ", "trouble, ", "names the relation `trouble`, which is none of its own"),
        (".elv", "= troublerain;", "= troublewear;", "names the relation `troublerain`, which is none of its own"),
        (".elv", '"Diez"', '"Henrion"', "Henrion's parameters"),
        (".elv", "CausalMax", "Sigmoid", "the function `Sigmoid` is not read"),
        (".elv", "relation rain {", "relation rain { kind-of-relation = constraint;", "a constraint between variables"),
        (".pgmx", "OR / MAX", "Sigmoid", "the canonical model `Sigmoid` of `trouble` is not read"),
        (".pgmx", '"none"/>', '"none"/><State name="tiny"/>', "numbers for 4 states|its own states ask for"),
        (
            ".pgmx",
            'trouble"/><Variable name="rain',
            'trouble"/><Variable name="wear',
            "is a table of it, given one of its",
        ),
    ],
)
def test_canonical_models_that_do_not_fit_are_refused(ending: str, old: str, new: str, words: str) -> None:
    assert old in FILES[ending]
    with pytest.raises(cm.FileFormatError, match=words):
        read(FILES[ending].replace(old, new, 1), ending)


def test_a_tuning_model_has_three_states() -> None:
    text = FILES[".pgmx"].replace("OR / MAX", "Tuning").replace('<State name="mild"/>', "")
    with pytest.raises(cm.FileFormatError, match=r"`trouble`.*(3 numbers|numbers for 2 states|has three)"):
        read(text, ".pgmx")


@pytest.mark.parametrize("ending", FILES)
def test_a_canonical_model_of_many_parents_is_counted_before_it_is_made(ending: str) -> None:
    many = [f"p{i}" for i in range(40)]
    if ending == ".xdsl":
        nodes = "".join(f'<decision id="{p}"><state id="a"/><state id="b"/></decision>' for p in many)
        text = (
            f"<smile><nodes>{nodes}<noisymax id='x'><state id='a'/><state id='b'/><parents>{' '.join(many)}</parents>"
        )
        text += (
            f"<strengths>{'0 1 ' * 40}</strengths><parameters>{'0.5 0.5 ' * 81}</parameters></noisymax></nodes></smile>"
        )
    elif ending == ".elv":
        text = "bnet {" + "".join(f"node {p} {{ states = (a b); }}" for p in [*many, "x"])
        text += f"relation x {' '.join(many)} {{ values = function Or(a); }} relation x p0 {{ name-of-relation = a; "
        text += "values = table (1 0 0 1); } }"
    else:
        states = '<States><State name="a"/><State name="b"/></States></Variable>'
        names = [f'<Variable name="{p}"/>' for p in ["x", *many]]
        text = f"<ProbModelXML><ProbNet type='BayesianNetwork'><Variables>{''.join(names)}</Variables><Potentials>"
        text = text.replace("/>", f">{states}") + f'<Potential type="ICIModel"><Variables>{"".join(names)}</Variables>'
        text += "<Model>OR / MAX</Model><Subpotentials/></Potential></Potentials></ProbNet></ProbModelXML>"
    with pytest.raises(cm.FileFormatError, match=r"more than 16,777,216 entries"):
        read(text, ending)
