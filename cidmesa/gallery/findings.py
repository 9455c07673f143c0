"""Findings that several systems come to in the same way: a closed form beside agents, and what was not run.

>>> import numpy as np
>>> near = 0.5 + np.linspace(-0.03, 0.03, 32)
>>> formula({"an arm": (near, 0.5), "another": (near + 0.25, 0.75)}).verdict
'supported'
>>> print(formula({"an arm": (near, 0.9)}).because)
an arm 0.500 (0.9), 32 of 32 agents off by more than 0.1
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from cidmesa.arrays import Floats
from cidmesa.gallery.system import Evidence, Finding, settled
from cidmesa.validation.statistics import MARGIN, EvidenceVerdict, correct, formula_test


def formula(found: Mapping[str, tuple[ArrayLike, float]], *, margin: float = MARGIN) -> Finding:
    r"""Judge a closed form on populations of agents, one number an agent.

    An agent complies within twice the margin, and the mean has to lie within the margin
    (:func:`cidmesa.validation.statistics.formula_test`); populations are one family, corrected by Holm's method.

    Parameters
    ----------
    found
        Population → what its agents do, and what the formula says.
    margin
        In the unit of these numbers.

    Returns
    -------
    Finding
        Contradicted where one population contradicts it, supported where all support it.
    """
    if not found:
        return not_run("any population")
    numbers: dict[str, Floats] = {name: np.asarray(values, dtype=np.float64) for name, (values, _) in found.items()}
    tests = correct([formula_test(numbers[name], said, margin=margin) for name, (_, said) in found.items()])
    verdicts = [test.verdict() for test in tests]
    words = []
    for (name, (_, said)), verdict in zip(found.items(), verdicts, strict=True):
        off = int((np.abs(numbers[name] - said) > 2 * margin).sum())
        told = f"{name} {numbers[name].mean():.3f} ({said:.4g})"
        if verdict != "supported":
            told += f", {off} of {len(numbers[name])} agents off by more than {2 * margin:g}"
        words.append(told)
    return of_all(verdicts, "; ".join(words))


def of_all(verdicts: Sequence[EvidenceVerdict], because: str) -> Finding:
    """Return the finding of a claim about several populations: contradicted by one of them, supported by all.

    >>> of_all(["supported", "inconclusive"], "two arms").verdict
    'inconclusive'
    """
    found = set(verdicts)
    one: EvidenceVerdict = "supported" if found == {"supported"} else "inconclusive"
    return Finding("contradicted" if "contradicted" in found else one, because)


def in_each(check: Callable[[Evidence, str], tuple[bool, str]], arms: Iterable[str]) -> Callable[[Evidence], Finding]:
    """Return how a claim is judged that is settled in each arm exactly: `check` says whether it holds there, and why.

    >>> in_each(lambda evidence, arm: (arm != "c", f"{arm} is a letter"), "abc")(Evidence({}))
    Finding(verdict='contradicted', because='a: a is a letter; b: b is a letter; c: c is a letter')
    """
    names = tuple(arms)

    def judge(evidence: Evidence) -> Finding:
        found = {arm: check(evidence, arm) for arm in names}
        words = "; ".join(f"{arm}: {why}" for arm, (_, why) in found.items())
        return settled(all(holds for holds, _ in found.values()), words)

    return judge


def not_run(what: str) -> Finding:
    """Return the finding of a claim about agents that were not trained.

    >>> not_run("body `hard`")
    Finding(verdict='inconclusive', because='not run: body `hard`')
    """
    return Finding("inconclusive", f"not run: {what}")
