"""Claims that every agent of some populations is to comply with, judged as rows of a report are.

>>> import numpy as np
>>> every({"nets": np.ones(24, dtype=bool), "tables": np.ones(24, dtype=bool)})
Finding(verdict='supported', because='nets: 24 of 24 agents; tables: 24 of 24 agents')
>>> every({"nets": np.arange(24) < 3}).verdict
'contradicted'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from numpy.typing import ArrayLike

from cidmesa.gallery.system import Evidence, Finding
from cidmesa.model import CIM
from cidmesa.validation.statistics import correct, share_test


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
    import numpy as np

    counts = {name: (int(np.sum(found)), len(np.asarray(found))) for name, found in complying.items()}
    tests = correct([share_test(k, n - k, n) for k, n in counts.values()])
    verdicts = {test.verdict() for test in tests}
    words = "; ".join(f"{name}: {k} of {n} agents" for name, (k, n) in counts.items())
    because = f"{words} ({seen})" if seen else words
    if "contradicted" in verdicts:
        return Finding("contradicted", because)
    return Finding("supported" if verdicts == {"supported"} else "inconclusive", because)


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
                    return Finding("inconclusive", f"not run: body `{body}` on the arm `{arm}`")
            return judge(*(evidence.agents[key] for key in populations))

        return judged

    return decorate


def situations(model: CIM, decision: str) -> list[dict[str, Any]]:
    """Return what a decision can see, in the order of the rows of its rules: observed node → value.

    >>> import cidmesa as cm
    >>> model = cm.CID([("x", "act"), ("act", "pay")], decisions=["act"], utilities=["pay"]).parameterise(
    ...     x=cm.Bernoulli(0.5), act=[0, 1], pay=lambda act: act)
    >>> situations(model, "act")
    [{'x': 0}, {'x': 1}]
    """
    names = model.cid.parents(decision)
    return [dict(zip(names, context, strict=True)) for context in model.contexts(decision)]


def model_of(agents: Any) -> CIM:
    """Return the model whose decisions agents make: the one that they were trained on, or were brought for."""
    model: CIM = agents.recipe.model if hasattr(agents, "recipe") else agents.decides
    return model
