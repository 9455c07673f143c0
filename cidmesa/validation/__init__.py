"""Prediction against evidence: what trained agents show, and what may be said about it.

======================  ============================================================================================
``validate``            family and agents → :class:`Report`: a verdict for every prediction
``required_agents``     how many agents that takes
``statistics``          the tests by themselves: shares, Holm, intervals, formula claims, bounds for sampled agents
``checks``              one number an agent and prediction; who acts like which hypothesis
``judge``, ``report``   from numbers to verdicts; text, DataFrame, JSON, page
======================  ============================================================================================

Only the shares of complying agents are tested, exactly; means and their intervals are shown and decide nothing.
"""

from cidmesa.validation.judge import required_agents as required_agents
from cidmesa.validation.judge import validate as validate
from cidmesa.validation.report import Report as Report
from cidmesa.validation.report import Row as Row
from cidmesa.validation.report import Share as Share
from cidmesa.validation.report import Whole as Whole
