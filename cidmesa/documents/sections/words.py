"""Words and numbers of the sections: what stands in a cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import isnan
from typing import Any, Final, TypeAlias

from cidmesa.shown import Cell, Tone, said

Data: TypeAlias = Mapping[str, Any]
"""A part of what ``--json`` prints."""

CRITERION_TITLES: Final = {
    "voi": "VoI",
    "voc": "VoC",
    "ri": "RI",
    "ici": "ICI",
    "requisite": "requisite",
    "relevance": "relevance",
}
"""Short names of the criteria, in the order of the columns."""

CONSISTENCY: Final[Mapping[str, Tone]] = {"CONSISTENT": "good", "EXCLUDED": "muted", "UNKNOWN": "open"}
VERDICTS: Final[Mapping[str, Tone]] = {"supported": "good", "contradicted": "bad", "inconclusive": "open"}
NOTHING: Final = Cell("–", "muted")


def number(value: float | None) -> str:
    """Write a number with three significant digits, nothing for none.

    >>> number(0.02), number(1.0), number(None), number(1 / 3)
    ('0.02', '1', '', '0.333')
    """
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return f"{value + 0.0:.3g}"


def interval(ends: Sequence[float | None]) -> str:
    """Write an interval, as one number where its ends agree to three digits.

    >>> interval((0.5, 0.5)), interval((0, 1))
    ('0.5', '[0, 1]')
    """
    low, high = (number(end) for end in ends)
    return low if low == high else f"[{low}, {high}]"


def p_value(p: float | None) -> str:
    """Write a p-value with three decimals."""
    return "" if p is None or isnan(p) else "<.001" if p < 0.001 else f"{p:.3f}"


def with_fraction(value: float | None, unit: float | None) -> str:
    """Write a number of base utility with the share of the attainable range that it is; a probability alone.

    >>> with_fraction(5.0, 10.0), with_fraction(0.25, None), with_fraction(None, 1.0)
    ('5 (50 %)', '0.25', '')
    """
    if value is None:
        return ""
    share = f" ({value / unit + 0.0:.0%})".replace("%", " %") if unit else ""
    return number(value) + share


def count(n: int, of: int, one: str, many: str) -> str:
    """Write how many of a population do something, beginning with the number.

    >>> count(32, 32, "goes", "go"), count(1, 8, "goes", "go"), count(0, 8, "goes", "go")
    ('all 32 go', '1 goes', 'none goes')
    """
    if n == of and of > 1:
        return f"all {n} {many}"
    return f"none {one}" if n == 0 else f"{n} {one if n == 1 else many}"


def joined(candidate: Data) -> str:
    """Return the names of a candidate's targets."""
    return ", ".join(candidate["targets"])


def names(found: Iterable[str]) -> str:
    """Write names as names.

    >>> names(["door", "red"])
    '`door`, `red`'
    """
    return ", ".join(f"`{name}`" for name in found)


def listed(parts: Sequence[str]) -> str:
    """Write parts as a sentence does.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def pairs(found: Sequence[Sequence[str]]) -> Cell | str:
    """Write (criterion, node) pairs, one criterion after the other."""
    by_criterion: dict[str, list[str]] = {}
    for criterion, node in found:
        by_criterion.setdefault(criterion, []).append(node)
    parts = [f"{words} {names(by_criterion[c])}" for c, words in CRITERION_TITLES.items() if c in by_criterion]
    return "; ".join(parts) or NOTHING


def subject(row: Data) -> str:
    """Write what a row is about."""
    return f"`{row['subject']}`" if row["subject"] else ""


INSIDE: Final = "inside as drawn"
"""Whose the rows about the inside of a learned algorithm are: a claim about the agents, as the joint ones are."""

_YES: Final = {
    "observation": "used", "response": "responds", "coverage": "one of them", "control": "worth something",
    "tampering": "written", "deception": "changes", "inside": "changes",
}  # fmt: skip
_NO: Final = {
    "observation": "not used", "response": "silent", "control": "worth nothing", "tampering": "left alone",
    "deception": "the same", "inside": "the same",
}  # fmt: skip


def expected(row: Data, observed: Mapping[str, Sequence[str]]) -> str:
    """Write what a row claims: yes or no in the words of its kind, an interval, or what is seen → what is done.

    Parameters
    ----------
    row
        Of predictions or of a report.
    observed
        Decision → the nodes it observes, in the order of the contexts.
    """
    claimed, kind = row["expected"], row["kind"]
    if isinstance(claimed, bool):
        return (_YES if claimed else _NO).get(kind, "yes" if claimed else "no")
    if kind == "actions":
        return actions(claimed, observed.get(row.get("decision") or row["subject"], ()))
    return interval(claimed)


_MOST_CONTEXTS: Final = 6
"""So many contexts are written out; what follows is counted."""
_FEW: Final = 4096
"""Up to so many contexts it is looked for the observations that matter."""


def actions(table: Sequence[Any], observed: Sequence[str]) -> str:
    """Write what is seen → what is done, by the fewest observations that decide it.

    An observation is left out only where the rows show it at several values, all else equal, and nothing hangs on it.

    >>> table = [((d, r), (r,)) for d in ("left", "right") for r in ("left", "right")]
    >>> actions(table, ["door", "red"])
    'red=left → left; red=right → right'
    >>> actions(table[1:3], ["door", "red"])
    'door=left, red=right → right; door=right, red=left → left'
    >>> actions([(("sun",), ("in",)), (("rain",), ("in",))], ["sky"])
    'in, whatever is seen'
    >>> actions([([[1, 2]], ["in"]), ([[2, 1]], ["out"])], ["place"])     # a value may be a tuple, in plain data a list
    'place=1, 2 → in; place=2, 1 → out'
    """
    rows = [(_as_tuple(context), _as_tuple(done)) for context, done in table]
    kept = _deciding(rows) if len(rows) <= _FEW else range(len(rows[0][0]))
    told = dict.fromkeys((tuple(context[i] for i in kept), done) for context, done in rows)
    if not kept:
        return f"{' or '.join(map(said, rows[0][1]))}, whatever is seen" if rows else "nothing"
    heads = [observed[i] if i < len(observed) else f"observation {i + 1}" for i in kept]
    parts = [
        ", ".join(f"{head}={said(value)}" for head, value in zip(heads, seen, strict=True))
        + f" → {' or '.join(map(said, done))}"
        for seen, done in told
    ]
    more = len(parts) - _MOST_CONTEXTS
    return "; ".join(parts[:_MOST_CONTEXTS]) + (f"; … {more} more" if more > 0 else "")


def _as_tuple(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return values that are told apart, with the lists among them, which plain data has for tuples, as tuples."""
    return tuple(_as_tuple(value) if isinstance(value, list | tuple) else value for value in values)


def _deciding(rows: Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]) -> Sequence[int]:
    """Return the fewest observations of which the actions are a function, the first such in order."""
    width = len(rows[0][0]) if rows else 0
    for size in range(width):
        for kept in combinations(range(width), size):
            groups: dict[tuple[Any, ...], list[tuple[tuple[Any, ...], tuple[Any, ...]]]] = {}
            for seen, done in rows:
                groups.setdefault(tuple(seen[i] for i in kept), []).append((seen, done))
            if all(_alike(group, [i for i in range(width) if i not in kept]) for group in groups.values()):
                return kept
    return range(width)


def _alike(group: Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]], left_out: Sequence[int]) -> bool:
    """Whether the same is done in all contexts of a group, which shows each observation left out at several values."""
    varies = all(len({seen[i] for seen, _ in group}) > 1 for i in left_out)
    return varies and len({done for _, done in group}) == 1
