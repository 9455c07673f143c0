"""The diagrams of the literature, with the answers to expect.

Each :class:`Example` is a graph, its source and what the source, or a theorem applied by hand, says about it. They
drive tests and documentation: a criterion that is right on random diagrams should also say what the papers say. They
are facts about papers, kept apart from :mod:`cidmesa.criteria` (which they test) and from :mod:`cidmesa.gallery`
(which holds training setups with models, agents and claims).

==============  =====================================================================================
`incentives`    grade predictor, content recommender, fitness tracker, introduced bias, trimming, …
`frameworks`    *Modeling AGI Safety Frameworks*: MDP, POMDP, reward modelling, CIRL, oracles, debate, …
`tampering`     the reward-tampering family
`agents`        mouse, thermostat, actor–critic, modified-action MDP, shutdown games
`worked`        with numbers: absent-minded driver, used-car buyer, two treatments (harm), war game (deception),
                simulation oversight (modified actions), garage (intention)
`mona`          the camera dropbox, state by state: who hacks his reward at which planning horizon
==============  =====================================================================================

Where a source's figure could not be compared edge by edge, `figure_checked` is ``False`` and the `note` says how the
graph was drawn; an answer that the source does not print has ``published=False`` and names its theorem.

>>> import cidmesa.literature as literature
>>> example = literature.load("grade-predictor")
>>> example.cid.parents("predicted_grade")
('high_school', 'gender')
>>> [(e.criterion, e.admits) for e in example.expected if e.criterion == "ri"]
[('ri', ('race', 'high_school'))]

==========  ======================================================
module      what it holds
==========  ======================================================
``record``  what is recorded of a diagram: source, figure, answers
``page``    the page of all diagrams
==========  ======================================================
"""

from __future__ import annotations

from cidmesa.errors import unknown
from cidmesa.literature.agents import AGENTS
from cidmesa.literature.frameworks import FRAMEWORKS
from cidmesa.literature.incentives import INCENTIVES
from cidmesa.literature.mona import CAMERA_DROPBOX
from cidmesa.literature.record import Criterion, Example, Expected, Number
from cidmesa.literature.tampering import TAMPERING
from cidmesa.literature.worked import WORKED

__all__ = ["Criterion", "Example", "Expected", "Number", "examples", "load", "names"]

_ALL = {example.name: example for example in (*INCENTIVES, *FRAMEWORKS, *TAMPERING, *AGENTS, *WORKED, CAMERA_DROPBOX)}


def names() -> tuple[str, ...]:
    """Return the names of all examples."""
    return tuple(_ALL)


def examples() -> tuple[Example, ...]:
    """Return all examples, in the order of the module's table."""
    return tuple(_ALL.values())


def load(name: str) -> Example:
    """Return the example called `name`.

    Raises
    ------
    UnknownNodeError
        No example bears that name; the text suggests one.

    Examples
    --------
    >>> load("content-recommender").cid.utilities
    ('clicks',)
    >>> load("contents-recommender")
    Traceback (most recent call last):
        ...
    cidmesa.errors.UnknownNodeError: `contents-recommender` is not an example (did you mean `content-recommender`?).
    """
    if name not in _ALL:
        raise unknown(name, _ALL, what="an example")
    return _ALL[name]
