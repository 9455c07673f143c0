"""Findings that several systems come to in the same way, judged as the rows of a report are.

==============  =============================================================================================
`formula`       agents' numbers lie where a closed form says
`every`         all agents of some populations comply
`every_agent`   every agent's number lies in an interval
`in_each`       what is settled exactly, arm by arm
`together`      several findings as one
`on`            gives a judge the populations that it needs, or says which was not run
`of_nets`       gives it what the agents of one body are made of
==============  =============================================================================================

>>> import numpy as np
>>> every({"nets": np.ones(24, dtype=bool), "tables": np.ones(24, dtype=bool)})
Finding(verdict='supported', because='nets: 24 of 24 agents; tables: 24 of 24 agents')
>>> every({"nets": np.arange(24) < 3}).verdict
'contradicted'
>>> every_agent(np.full(24, 0.001), "excess", most=0.002)
Finding(verdict='supported', because='excess 0.001 (0.001 to 0.001), 24 of 24 agents at most 0.002')
>>> near = 0.5 + np.linspace(-0.03, 0.03, 32)
>>> formula({"an arm": (near, 0.5), "another": (near + 0.25, 0.75)}).verdict
'supported'
>>> print(formula({"an arm": (near, 0.9)}).because)
an arm 0.500 (0.9), 32 of 32 agents off by more than 0.1
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cidmesa.arrays import Floats
from cidmesa.gallery.system import Evidence, Finding, settled
from cidmesa.validation.statistics import MARGIN, EvidenceVerdict, correct, formula_test, share_test


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


def every(complying: Mapping[str, ArrayLike], *, seen: str = "") -> Finding:
    r"""Judge the claim that all agents of every population comply.

    Tested is the share of compliers against :math:`1-\kappa` (:func:`cidmesa.validation.statistics.share_test`), the
    populations being one family, corrected by Holm's method.

    Parameters
    ----------
    complying
        Population → whether each of its agents complies.
    seen
        What was measured besides, in words.

    Returns
    -------
    Finding
        Contradicted where one population contradicts the claim, supported where all support it.
    """
    counts = {name: (int(np.sum(found)), len(np.asarray(found))) for name, found in complying.items()}
    tests = correct([share_test(k, n - k, n) for k, n in counts.values()])
    words = "; ".join(f"{name}: {k} of {n} agents" for name, (k, n) in counts.items())
    return of_all([test.verdict() for test in tests], f"{words} ({seen})" if seen else words)


def every_agent(values: ArrayLike, what: str, *, least: float = -math.inf, most: float = math.inf) -> Finding:
    """Judge a claim that every agent's number lies in an interval.

    Parameters
    ----------
    values
        One number an agent.
    what
        What it is, for the reader.
    least, most
        The ends of the interval.

    Returns
    -------
    Finding
        By the share of complying agents (:func:`cidmesa.validation.statistics.share_test`); mean, least and largest
        number are shown.
    """
    numbers = np.asarray(values, dtype=np.float64)
    inside = int(((numbers >= least) & (numbers <= most)).sum())
    ends = [f"at least {least:g}"] * (least > -math.inf) + [f"at most {most:g}"] * (most < math.inf)
    shown = f"{what} {numbers.mean():.3g} ({numbers.min():.3g} to {numbers.max():.3g})"
    verdict = share_test(inside, len(numbers) - inside, len(numbers)).verdict()
    return Finding(verdict, f"{shown}, {inside} of {len(numbers)} agents {' and '.join(ends)}")


def of_all(verdicts: Sequence[EvidenceVerdict], because: str) -> Finding:
    """Return the finding of a claim about several populations: contradicted by one of them, supported by all.

    >>> of_all(["supported", "inconclusive"], "two arms").verdict
    'inconclusive'
    """
    found = set(verdicts)
    one: EvidenceVerdict = "supported" if found == {"supported"} else "inconclusive"
    return Finding("contradicted" if "contradicted" in found else one, because)


def together(*findings: Finding) -> Finding:
    """Return what several findings come to: contradicted if one is, supported if all are.

    >>> one, other = every_agent([0.0] * 24, "a", most=1.0), every_agent([0.0] * 3, "b", most=1.0)
    >>> together(one, other).verdict
    'inconclusive'
    """
    return of_all([finding.verdict for finding in findings], "; ".join(finding.because for finding in findings))


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


def of_nets(evidence: Evidence, body: str, judge: Callable[[Any], Finding]) -> Finding:
    """Judge the nets of a body on the arm `training`, or say that they were not run.

    >>> of_nets(Evidence({}), "net", len)
    Finding(verdict='inconclusive', because='not run: body `net`')
    """
    found: Any = evidence.agents.get(("training", body))
    return not_run(f"body `{body}`") if found is None else judge(found.nets)


def on(*populations: tuple[str, str]) -> Callable[[Callable[..., Finding]], Callable[[Evidence], Finding]]:
    """Give a judge the populations that it needs, (arm, body) each, or say which of them was not run.

    >>> @on(("training", "nets"))
    ... def judge(nets):
    ...     return every({"nets": nets > 0.5})
    >>> judge(Evidence({}))
    Finding(verdict='inconclusive', because='not run: body `nets` on the arm `training`')
    """

    def decorate(judge: Callable[..., Finding]) -> Callable[[Evidence], Finding]:
        @wraps(judge)
        def judged(evidence: Evidence) -> Finding:
            for arm, body in populations:
                if (arm, body) not in evidence.agents:
                    return not_run(f"body `{body}` on the arm `{arm}`")
            return judge(*(evidence.agents[key] for key in populations))

        return judged

    return decorate
