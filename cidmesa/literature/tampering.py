"""The reward-tampering family: who may change what the agent is paid for, and whether it wants to.

Drawn anew from the definitions of the paper; its figures could not be compared edge by edge. Two or three time steps
stand for any number.
"""

from __future__ import annotations

from cidmesa.diagram import CID
from cidmesa.literature.record import Example, Expected

_PAPER = (
    "T. Everitt, M. Hutter, R. Kumar and V. Krakovna, 'Reward tampering problems and solutions in reinforcement "
    "learning: a causal influence diagram perspective', Synthese 2021"
)
_FIGURE = "Drawn from the text; the figure was not compared edge by edge."
_ICI = "Everitt et al. 2021, Thm 18"

_WORLD = [("S1", "S2"), ("A1", "S2"), ("S2", "S3"), ("A2", "S3"), ("S1", "A1"), ("S2", "A2")]
_IMPLEMENTED = [("theta1", "theta2"), ("A1", "theta2"), ("theta2", "theta3"), ("A2", "theta3"), ("theta1", "A1")]

REWARD_FUNCTION_TAMPERING = Example(
    name="reward-function-tampering",
    title="Standard RL with a reward function that actions can change",
    cid=CID(
        [
            *_WORLD,
            *_IMPLEMENTED,
            ("theta2", "A2"),
            *[(f"S{t}", f"R{t}") for t in (1, 2, 3)],
            *[(f"theta{t}", f"R{t}") for t in (1, 2, 3)],
        ],
        decisions=["A1", "A2"],
        utilities=["R1", "R2", "R3"],
    ),
    source=f"{_PAPER}, RL with a modifiable reward function",
    expected=(
        Expected("ici", ("theta2", "S2"), ("theta1", "S1"), "A1", _ICI, published=True),
        Expected("ici", ("theta3", "S3"), ("theta2", "S2"), "A2", _ICI, published=True),
    ),
    note=_FIGURE,
)

TI_UNAWARE = Example(
    name="current-rf-ti-unaware",
    title="Current-reward-function optimization that ignores time inconsistency: no tampering, no self-preservation",
    cid=CID(
        [
            *_WORLD,
            *_IMPLEMENTED,
            ("theta1", "A2"),
            *[(f"S{t}", f"R{t}") for t in (1, 2, 3)],
            *[("theta1", f"R{t}") for t in (1, 2, 3)],
        ],
        decisions=["A1", "A2"],
        utilities=["R1", "R2", "R3"],
    ),
    source=f"{_PAPER}, TI-unaware current-RF agents",
    expected=(Expected("ici", ("S2",), ("theta2", "theta3"), "A1", _ICI, published=True),),
    note=_FIGURE,
)

TI_AWARE = Example(
    name="current-rf-ti-aware",
    title="Current-reward-function optimization that foresees its successor: it wants to keep its reward function",
    cid=CID(
        [
            *_WORLD,
            *_IMPLEMENTED,
            ("theta2", "A2"),
            *[(f"S{t}", f"R{t}") for t in (2, 3)],
            *[("theta1", f"R{t}") for t in (2, 3)],
            ("S3", "later_R3"),
            ("theta2", "later_R3"),
        ],
        decisions={"now": ["A1"], "later": ["A2"]},
        utilities={"now": ["R2", "R3"], "later": ["later_R3"]},
    ),
    source=f"{_PAPER}, TI-aware current-RF agents",
    expected=(
        Expected(
            "ici",
            ("theta2", "S2"),
            ("theta1", "S1", "theta3"),
            "A1",
            f"{_ICI}, the successor's rule fixed",
            published=True,
        ),
        Expected("ici", ("S3",), ("theta3",), "A2", f"{_ICI}, the predecessor's rule fixed"),
    ),
    note=f"{_FIGURE} The later self is an agent of its own, paid by the reward function of its own time.",
)

FEEDBACK_TAMPERING = Example(
    name="feedback-tampering",
    title="The reward function is learned from feedback that actions can influence",
    cid=CID(
        [
            *_WORLD,
            ("intended", "data1"),
            ("intended", "data2"),
            ("A1", "data2"),
            ("data1", "theta1"),
            ("data1", "theta2"),
            ("data2", "theta2"),
            ("theta1", "A1"),
            ("theta2", "A2"),
            ("S2", "R2"),
            ("theta1", "R2"),
            ("S3", "R3"),
            ("theta2", "R3"),
        ],
        decisions=["A1", "A2"],
        utilities=["R2", "R3"],
    ),
    source=f"{_PAPER}, reward modelling",
    expected=(Expected("ici", ("data2", "theta2"), ("intended", "data1", "theta1"), "A1", _ICI, published=True),),
    note=_FIGURE,
)

HISTORY_BASED = Example(
    name="rf-input-tampering",
    title="Rewards are computed from observations: the agent wants good-looking ones",
    cid=CID(
        [
            *_WORLD[:4],
            ("S1", "O1"),
            ("S2", "O2"),
            ("S3", "O3"),
            ("A1", "O2"),
            ("A2", "O3"),
            ("O1", "A1"),
            ("O1", "A2"),
            ("A1", "A2"),
            ("O2", "A2"),
            *[(f"O{t}", f"R{t}") for t in (1, 2, 3)],
        ],
        decisions=["A1", "A2"],
        utilities=["R1", "R2", "R3"],
    ),
    source=f"{_PAPER}, RF-input tampering with history-based rewards",
    expected=(
        Expected("ici", ("O2", "S2"), ("O1", "S1"), "A1", _ICI, published=True),
        Expected("ici", ("O3", "S3"), ("O2", "S2"), "A2", _ICI, published=True),
    ),
    note=_FIGURE,
)

BELIEF_BASED = Example(
    name="belief-based-rewards",
    title="Rewards are computed from the state: an observation is worth only what it tells",
    cid=CID(
        [
            *_WORLD[:4],
            ("S1", "O1"),
            ("S2", "O2"),
            ("S3", "O3"),
            ("A1", "O2"),
            ("A2", "O3"),
            ("O1", "A1"),
            ("O1", "A2"),
            ("A1", "A2"),
            ("O2", "A2"),
            *[(f"S{t}", f"R{t}") for t in (1, 2, 3)],
        ],
        decisions=["A1", "A2"],
        utilities=["R1", "R2", "R3"],
    ),
    source=f"{_PAPER}, belief-based rewards",
    expected=(
        Expected("ici", ("S3",), ("O3", "O2", "S2"), "A2", _ICI, published=True),
        Expected("ici", ("S2",), ("O3", "O1", "S1"), "A1", _ICI),
        Expected("requisite", ("O1", "A1", "O2"), (), "A2", "d-separation given the decision's family"),
    ),
    note=(
        f"{_FIGURE} A1 keeps a path through O2 to A2: it may want a *telling* observation, and the graph cannot tell "
        "that from a flattering one. The last observation O3 has no path left."
    ),
)

TAMPERING: tuple[Example, ...] = (
    REWARD_FUNCTION_TAMPERING,
    TI_UNAWARE,
    TI_AWARE,
    FEEDBACK_TAMPERING,
    HISTORY_BASED,
    BELIEF_BASED,
)
