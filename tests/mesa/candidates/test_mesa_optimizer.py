"""What a candidate says where it has no answer in numbers."""

from __future__ import annotations

import pytest

import cidmesa as cm
from cidmesa.errors import NotApplicableError
from cidmesa.solve import mixed_equilibria


def walk() -> cm.CIM:
    """Two steps over three cells towards a goal, a lamp somewhere: too many policies to compare."""
    cid = cm.CID(
        [
            ("start", "first"), ("lamp", "first"), ("start", "middle"), ("first", "middle"), ("middle", "second"),
            ("lamp", "second"), ("middle", "end"), ("second", "end"), ("end", "at_goal"), ("end", "at_lamp"),
            ("lamp", "at_lamp"), ("at_goal", "reward"),
        ],
        decisions=["first", "second"],
        utilities=["reward"],
    )  # fmt: skip
    cells = (0, 1, 2)
    return cid.parameterise(
        start=cm.Uniform(*cells),
        lamp=cm.Uniform(*cells),
        first=list(cells),
        second=list(cells),
        middle=lambda start, first: (start + first) % 3,
        end=lambda middle, second: (middle + second) % 3,
        at_goal=lambda end: int(end == 2),
        at_lamp=lambda end, lamp: int(end == lamp),
        reward=lambda at_goal: at_goal,
    )


def test_a_consistent_set_that_is_not_listed_says_why() -> None:
    candidate = cm.derive_mesa_optimizers(cm.TrainingSetup(walk()))["at_lamp"]
    with pytest.raises(
        NotApplicableError, match=r"387,420,489 deterministic policies.*\.declared of the candidate"
    ) as no:
        _ = candidate.consistent_set
    assert "shared" not in str(no.value)
    assert "MesaOptimizer(" not in str(no.value)
    assert candidate.declared


def test_symbols_are_sent_to_the_alignment_region() -> None:
    import sympy

    model = cm.CID([("d", "u")], decisions=["d"], utilities=["u"]).parameterise(
        d=[0, 1], u=lambda d: sympy.Symbol("p") * d
    )
    with pytest.raises(NotApplicableError, match=r"the symbols p: .* or use cm\.alignment_region\(setup, target\)"):
        cm.derive_mesa_optimizers(cm.TrainingSetup(model))
    with pytest.raises(NotApplicableError, match=r"use cidmesa\.solve\.symbolic"):
        model.solve()
    with pytest.raises(NotApplicableError) as refused:
        mixed_equilibria(model)
    assert "symbolic" not in str(refused.value)
