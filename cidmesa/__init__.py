"""cidmesa: from the base optimizer's causal influence diagram to the mesa-optimizers that training could produce.

Write down what the learned algorithm sees, does and is rewarded for; then

=====================  ===========================================================================================
diagram, model         :class:`CID`, :meth:`CID.parameterise`, :class:`CIM`
incentives             :func:`incentives`, :func:`admits_voi` … , each answer with its proof
numbers                :meth:`CIM.solve`, :meth:`CIM.query`, :func:`value_of_information` …
the derivation         :class:`TrainingSetup`, :func:`derive_mesa_optimizers`, :func:`separating_shifts` …
evidence               :func:`train`, :func:`validate`, :func:`report`
examples, files        ``cidmesa.gallery``, :func:`read`, :func:`write`
other programs         :func:`from_pycid`, :func:`to_pycid`, :func:`from_pgmpy` … , :mod:`cidmesa.interop`
=====================  ===========================================================================================

The names below are the public surface. Everything past the diagram and its mechanisms is loaded when first used, so
``import cidmesa`` stays light; torch is needed by :func:`train` alone.

>>> import cidmesa as cm
>>> cid = cm.CID([("door", "go"), ("door", "reward"), ("go", "reward")], decisions=["go"], utilities=["reward"])
>>> bool(cm.admits_voi(cid, "door"))
True
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from cidmesa._version import __version__ as __version__
from cidmesa.diagram import CID as CID
from cidmesa.errors import CidmesaError as CidmesaError
from cidmesa.errors import DiagramError as DiagramError
from cidmesa.errors import FileFormatError as FileFormatError
from cidmesa.errors import MechanismError as MechanismError
from cidmesa.errors import MissingDependencyError as MissingDependencyError
from cidmesa.errors import NotApplicableError as NotApplicableError
from cidmesa.errors import OutOfTimeError as OutOfTimeError
from cidmesa.errors import UnknownNodeError as UnknownNodeError
from cidmesa.errors import WorkerLostError as WorkerLostError
from cidmesa.mechanisms import Bernoulli as Bernoulli
from cidmesa.mechanisms import Categorical as Categorical
from cidmesa.mechanisms import Choice as Choice
from cidmesa.mechanisms import Function as Function
from cidmesa.mechanisms import Noisy as Noisy
from cidmesa.mechanisms import Rows as Rows
from cidmesa.mechanisms import Structural as Structural
from cidmesa.mechanisms import Table as Table
from cidmesa.mechanisms import Uniform as Uniform
from cidmesa.model import CIM as CIM

_LAZY = {
    "cidmesa.graph": ("is_soluble", "lift_context", "mechanise", "minimal_reduction", "relevance_graph"),
    "cidmesa.criteria": (
        "Answer",
        "Chain",
        "IncentiveReport",
        "Path",
        "SeparatingSet",
        "Verdict",
        "admits_deception",
        "admits_ici",
        "admits_impact",
        "admits_intention",
        "admits_introduced_unfairness",
        "admits_path_specific_ici",
        "admits_relevance",
        "admits_ri",
        "admits_unfairness",
        "admits_voc",
        "admits_voi",
        "incentives",
        "reasoning_patterns",
        "sensitivity",
    ),
    "cidmesa.solve": (
        "Distribution",
        "Solution",
        "counterfactual",
        "harm",
        "impact",
        "instrumental_control_effect",
        "intention",
        "introduced_total_effect",
        "response_effect",
        "total_effect",
        "value_of_control",
        "value_of_information",
    ),
    "cidmesa.mesa": (
        "Deployment",
        "Levels",
        "Phases",
        "Separation",
        "SequenceSetup",
        "SimplicityPrior",
        "TrainingSetup",
        "alignment_region",
        "derive_mesa_optimizers",
        "distinguishing_training",
        "levels",
        "separating_shifts",
        "unroll",
    ),
    "cidmesa.agents": ("Agents", "DiagramEnv", "DiagramVectorEnv", "train"),
    "cidmesa.reports": ("report",),
    "cidmesa.validation": (
        "adaptation",
        "alignment_gap",
        "behavioural_objective",
        "coherence",
        "discover_agents",
        "gaps",
        "goal_directedness",
        "required_agents",
        "revealed_choices",
        "validate",
        "validate_along",
    ),
    "cidmesa.interop": (
        "from_causallearn",
        "from_dagitty",
        "from_networkx",
        "from_pgmpy",
        "from_pyagrum",
        "from_pycid",
        "read",
        "to_dagitty",
        "to_networkx",
        "to_pgmpy",
        "to_pyagrum",
        "to_pycid",
        "write",
    ),
}
_HOME = {name: module for module, names in _LAZY.items() for name in names}
_ROOMS = frozenset(
    {
        "agents",
        "criteria",
        "documents",
        "gallery",
        "graph",
        "interop",
        "literature",
        "mesa",
        "render",
        "reports",
        "solve",
        "types",
        "validation",
    }
)

if _TYPE_CHECKING:
    from cidmesa.agents import Agents as Agents
    from cidmesa.agents import DiagramEnv as DiagramEnv
    from cidmesa.agents import DiagramVectorEnv as DiagramVectorEnv
    from cidmesa.agents import train as train
    from cidmesa.criteria import Answer as Answer
    from cidmesa.criteria import Chain as Chain
    from cidmesa.criteria import IncentiveReport as IncentiveReport
    from cidmesa.criteria import Path as Path
    from cidmesa.criteria import SeparatingSet as SeparatingSet
    from cidmesa.criteria import Verdict as Verdict
    from cidmesa.criteria import admits_deception as admits_deception
    from cidmesa.criteria import admits_ici as admits_ici
    from cidmesa.criteria import admits_impact as admits_impact
    from cidmesa.criteria import admits_intention as admits_intention
    from cidmesa.criteria import admits_introduced_unfairness as admits_introduced_unfairness
    from cidmesa.criteria import admits_path_specific_ici as admits_path_specific_ici
    from cidmesa.criteria import admits_relevance as admits_relevance
    from cidmesa.criteria import admits_ri as admits_ri
    from cidmesa.criteria import admits_unfairness as admits_unfairness
    from cidmesa.criteria import admits_voc as admits_voc
    from cidmesa.criteria import admits_voi as admits_voi
    from cidmesa.criteria import incentives as incentives
    from cidmesa.criteria import reasoning_patterns as reasoning_patterns
    from cidmesa.criteria import sensitivity as sensitivity
    from cidmesa.graph import is_soluble as is_soluble
    from cidmesa.graph import lift_context as lift_context
    from cidmesa.graph import mechanise as mechanise
    from cidmesa.graph import minimal_reduction as minimal_reduction
    from cidmesa.graph import relevance_graph as relevance_graph
    from cidmesa.interop import from_causallearn as from_causallearn
    from cidmesa.interop import from_dagitty as from_dagitty
    from cidmesa.interop import from_networkx as from_networkx
    from cidmesa.interop import from_pgmpy as from_pgmpy
    from cidmesa.interop import from_pyagrum as from_pyagrum
    from cidmesa.interop import from_pycid as from_pycid
    from cidmesa.interop import read as read
    from cidmesa.interop import to_dagitty as to_dagitty
    from cidmesa.interop import to_networkx as to_networkx
    from cidmesa.interop import to_pgmpy as to_pgmpy
    from cidmesa.interop import to_pyagrum as to_pyagrum
    from cidmesa.interop import to_pycid as to_pycid
    from cidmesa.interop import write as write
    from cidmesa.mesa import Deployment as Deployment
    from cidmesa.mesa import Levels as Levels
    from cidmesa.mesa import Phases as Phases
    from cidmesa.mesa import Separation as Separation
    from cidmesa.mesa import SequenceSetup as SequenceSetup
    from cidmesa.mesa import SimplicityPrior as SimplicityPrior
    from cidmesa.mesa import TrainingSetup as TrainingSetup
    from cidmesa.mesa import alignment_region as alignment_region
    from cidmesa.mesa import derive_mesa_optimizers as derive_mesa_optimizers
    from cidmesa.mesa import distinguishing_training as distinguishing_training
    from cidmesa.mesa import levels as levels
    from cidmesa.mesa import separating_shifts as separating_shifts
    from cidmesa.mesa import unroll as unroll
    from cidmesa.reports import report as report
    from cidmesa.solve import Distribution as Distribution
    from cidmesa.solve import Solution as Solution
    from cidmesa.solve import counterfactual as counterfactual
    from cidmesa.solve import harm as harm
    from cidmesa.solve import impact as impact
    from cidmesa.solve import instrumental_control_effect as instrumental_control_effect
    from cidmesa.solve import intention as intention
    from cidmesa.solve import introduced_total_effect as introduced_total_effect
    from cidmesa.solve import response_effect as response_effect
    from cidmesa.solve import total_effect as total_effect
    from cidmesa.solve import value_of_control as value_of_control
    from cidmesa.solve import value_of_information as value_of_information
    from cidmesa.validation import adaptation as adaptation
    from cidmesa.validation import alignment_gap as alignment_gap
    from cidmesa.validation import behavioural_objective as behavioural_objective
    from cidmesa.validation import coherence as coherence
    from cidmesa.validation import discover_agents as discover_agents
    from cidmesa.validation import gaps as gaps
    from cidmesa.validation import goal_directedness as goal_directedness
    from cidmesa.validation import required_agents as required_agents
    from cidmesa.validation import revealed_choices as revealed_choices
    from cidmesa.validation import validate as validate
    from cidmesa.validation import validate_along as validate_along


def __getattr__(name: str) -> _Any:
    """Load a public name, or a room such as ``cidmesa.gallery``, when it is first used."""
    if name in _HOME:
        value = getattr(_import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return _import_module(f"cidmesa.{name}")
    from cidmesa.errors import did_you_mean

    raise AttributeError(f"module 'cidmesa' has no attribute '{name}'{did_you_mean(name, __dir__())}")


def __dir__() -> list[str]:
    return sorted({name for name in globals() if not name.startswith("_")} | set(_HOME) | _ROOMS)
