"""Every result type, for annotations: ``from cidmesa.types import Family, Report, Verdict``.

>>> from cidmesa.types import Solution
>>> Solution.__module__
'cidmesa.solve.policies.solution'
"""

from cidmesa.criteria import Answer as Answer
from cidmesa.criteria import Chain as Chain
from cidmesa.criteria import DecisionIncentives as DecisionIncentives
from cidmesa.criteria import Flip as Flip
from cidmesa.criteria import IncentiveReport as IncentiveReport
from cidmesa.criteria import Path as Path
from cidmesa.criteria import ReportDiff as ReportDiff
from cidmesa.criteria import SeparatingSet as SeparatingSet
from cidmesa.criteria import Verdict as Verdict
from cidmesa.diagram import CID as CID
from cidmesa.documents.document import Document as Document
from cidmesa.gallery.run import Run as Run
from cidmesa.gallery.system import Claim as Claim
from cidmesa.gallery.system import Evidence as Evidence
from cidmesa.gallery.system import Finding as Finding
from cidmesa.gallery.system import System as System
from cidmesa.graph import RelevanceGraph as RelevanceGraph
from cidmesa.interop.origin import Origin as Origin
from cidmesa.interop.origin import ReadModel as ReadModel
from cidmesa.interop.study import Study as Study
from cidmesa.literature import Example as Example
from cidmesa.mesa import AlignmentRegion as AlignmentRegion
from cidmesa.mesa import Consistency as Consistency
from cidmesa.mesa import Cure as Cure
from cidmesa.mesa import Cures as Cures
from cidmesa.mesa import Deception as Deception
from cidmesa.mesa import Deployment as Deployment
from cidmesa.mesa import Disagreement as Disagreement
from cidmesa.mesa import Family as Family
from cidmesa.mesa import Indistinct as Indistinct
from cidmesa.mesa import Interface as Interface
from cidmesa.mesa import Levels as Levels
from cidmesa.mesa import LevelTable as LevelTable
from cidmesa.mesa import LookupTable as LookupTable
from cidmesa.mesa import MesaOptimizer as MesaOptimizer
from cidmesa.mesa import Phases as Phases
from cidmesa.mesa import Ranking as Ranking
from cidmesa.mesa import Selection as Selection
from cidmesa.mesa import Separation as Separation
from cidmesa.mesa import SequenceFamily as SequenceFamily
from cidmesa.mesa import SequenceOptimizer as SequenceOptimizer
from cidmesa.mesa import SequenceSetup as SequenceSetup
from cidmesa.mesa import ShiftClass as ShiftClass
from cidmesa.mesa import SimplicityPrior as SimplicityPrior
from cidmesa.mesa import TrainingSetup as TrainingSetup
from cidmesa.mesa.candidates.mesa_optimizer import Reasons as Reasons
from cidmesa.mesa.candidates.ranking import Ranked as Ranked
from cidmesa.mesa.candidates.tampering import Tampering as Tampering
from cidmesa.mesa.comparison.cure import ChangeKind as ChangeKind
from cidmesa.mesa.comparison.separation import Separations as Separations
from cidmesa.mesa.consistency.consistent_set import ConsistentSet as ConsistentSet
from cidmesa.mesa.consistency.method import Method as Method
from cidmesa.mesa.consistency.regret_interval import Interval as Interval
from cidmesa.mesa.corollaries.deception import DeceptionVerdict as DeceptionVerdict
from cidmesa.mesa.corollaries.deception import PhaseCue as PhaseCue
from cidmesa.mesa.corollaries.myopia import Myopia as Myopia
from cidmesa.mesa.corollaries.response_patterns import ResponsePattern as ResponsePattern
from cidmesa.mesa.graphical.mesa_diagram import MesaIncentives as MesaIncentives
from cidmesa.mesa.graphical.positions import Cover as Cover
from cidmesa.mesa.graphical.positions import Position as Position
from cidmesa.mesa.objectives.declared import Objective as Objective
from cidmesa.mesa.predictions.predictions import Prediction as Prediction
from cidmesa.mesa.predictions.predictions import Predictions as Predictions
from cidmesa.mesa.setup.learned_algorithm import InnerAgent as InnerAgent
from cidmesa.model import CIM as CIM
from cidmesa.render import Picture as Picture
from cidmesa.render import Spec as Spec
from cidmesa.solve import Distribution as Distribution
from cidmesa.solve import Equilibrium as Equilibrium
from cidmesa.solve import Explanation as Explanation
from cidmesa.solve import Harm as Harm
from cidmesa.solve import Intention as Intention
from cidmesa.solve import Magnitude as Magnitude
from cidmesa.solve import Mixture as Mixture
from cidmesa.solve import Solution as Solution
from cidmesa.solve import World as World
from cidmesa.solve import Worlds as Worlds
from cidmesa.solve.magnitudes.explain import Contribution as Contribution
from cidmesa.solve.symbolic import Case as Case
from cidmesa.validation import Adaptation as Adaptation
from cidmesa.validation import Along as Along
from cidmesa.validation import Chosen as Chosen
from cidmesa.validation import Coherence as Coherence
from cidmesa.validation import Discovered as Discovered
from cidmesa.validation import Game as Game
from cidmesa.validation import Gaps as Gaps
from cidmesa.validation import MechanismEdge as MechanismEdge
from cidmesa.validation import OneAgent as OneAgent
from cidmesa.validation import Report as Report
from cidmesa.validation import Row as Row
from cidmesa.validation import Share as Share
from cidmesa.validation import Tried as Tried
from cidmesa.validation import Whole as Whole
from cidmesa.validation.goals import Behavioural as Behavioural
from cidmesa.validation.goals import Directedness as Directedness
from cidmesa.validation.statistics import ConfidenceInterval as ConfidenceInterval
from cidmesa.validation.statistics import EvidenceVerdict as EvidenceVerdict
from cidmesa.validation.statistics import Required as Required


def __getattr__(name: str) -> object:
    """Load the types that need torch when they are asked for."""
    if name in {"Agents", "Recipe"}:
        from cidmesa import agents

        return getattr(agents, name)
    raise AttributeError(f"module 'cidmesa.types' has no attribute '{name}'")
