r"""The two readings of what a learner believes in a deployment.

**stale**
    Its parameters are frozen and it has no model of the deployed world: a table, a net, a policy from elsewhere. It can
    only go on with the rule that it has. In contexts that training reached it does what it did there; in new ones what
    an optimizer with training's beliefs would do on seeing them.
**competent**
    It knows the deployed world: a planner that is given the deployment's model, an agent that is trained again there.

>>> require_reading("stale")
'stale'
>>> require_reading("frozen")
Traceback (most recent call last):
    ...
cidmesa.errors.NotApplicableError: a reading is 'stale' or 'competent'; got 'frozen': reading='stale'.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from cidmesa.errors import NotApplicableError

Reading: TypeAlias = Literal["stale", "competent"]

STALE: Reading = "stale"
COMPETENT: Reading = "competent"


def require_reading(reading: object) -> Reading:
    """Return a reading, or raise."""
    if reading not in (STALE, COMPETENT):
        raise NotApplicableError(f"a reading is 'stale' or 'competent'; got {reading!r}: reading='stale'.")
    return STALE if reading == STALE else COMPETENT
