"""The diagrams of *Modeling AGI Safety Frameworks with Causal Influence Diagrams*.

Drawn anew from the definitions in the paper's text; its figures could not be compared edge by edge, so two or three
time steps stand for any number and details may differ. A reward that somebody observes is a chance node with a
utility below it, because a utility has no children here.
"""

from __future__ import annotations

from cidmesa.diagram import CID
from cidmesa.literature.record import Example, Expected

_PAPER = "T. Everitt, R. Kumar, V. Krakovna and S. Legg, 'Modeling AGI safety frameworks with CIDs', 2019"
_FIGURE = "Drawn from the text; the figure was not compared edge by edge."
_REQUISITE = "d-separation given the decision's family, to the fixpoint"
_VOI = "van Merwijk et al. 2022, Thm 7"
_ICI = "Everitt et al. 2021, Thm 18"

_WORLD = [("S1", "S2"), ("A1", "S2"), ("S2", "S3"), ("A2", "S3")]

MDP = Example(
    name="mdp",
    title="Reinforcement learning in a known Markov decision process",
    cid=CID(
        [*_WORLD, ("S1", "R1"), ("S2", "R2"), ("S3", "R3"), ("S1", "A1"), ("S2", "A2")],
        decisions=["A1", "A2"],
        utilities=["R1", "R2", "R3"],
    ),
    source=f"{_PAPER}, RL in an MDP",
    expected=(
        Expected("requisite", ("S1",), (), "A1", _REQUISITE),
        Expected("requisite", ("S2",), (), "A2", _REQUISITE),
        Expected("ici", ("S2",), ("S1",), "A1", _ICI),
        Expected("ici", ("S3",), ("S1", "S2"), "A2", _ICI),
    ),
    note=_FIGURE,
)

UNKNOWN_MDP = Example(
    name="unknown-mdp",
    title="The same with unknown transition and reward parameters: the whole past informs",
    cid=CID(
        [
            *_WORLD,
            *[("theta_T", s) for s in ("S1", "S2", "S3")],
            *[("theta_R", r) for r in ("R1", "R2", "R3")],
            *[(f"S{t}", f"R{t}") for t in (1, 2, 3)],
            *[(f"R{t}", f"U{t}") for t in (1, 2, 3)],
            *[(seen, "A1") for seen in ("S1", "R1")],
            *[(seen, "A2") for seen in ("S1", "R1", "A1", "S2", "R2")],
        ],
        decisions=["A1", "A2"],
        utilities=["U1", "U2", "U3"],
    ),
    source=f"{_PAPER}, RL in an unknown MDP",
    expected=(
        Expected("requisite", ("S1", "R1", "A1", "S2", "R2"), (), "A2", _REQUISITE),
        Expected("voi", ("theta_T", "theta_R"), (), "A2", _VOI),
        Expected("ici", (), ("theta_T", "theta_R", "S1", "R1"), "A1", _ICI),
    ),
    note=_FIGURE,
)

POMDP = Example(
    name="pomdp",
    title="Partial observability: the agent sees observations and remembers what it saw and did",
    cid=CID(
        [
            *_WORLD,
            *[(f"S{t}", f"R{t}") for t in (1, 2, 3)],
            ("S1", "O1"),
            ("S2", "O2"),
            ("O1", "A1"),
            ("O1", "A2"),
            ("A1", "A2"),
            ("O2", "A2"),
        ],
        decisions=["A1", "A2"],
        utilities=["R1", "R2", "R3"],
    ),
    source=f"{_PAPER}, RL in a POMDP",
    expected=(
        Expected("requisite", ("O1",), (), "A1", _REQUISITE),
        Expected("requisite", ("O1", "A1", "O2"), (), "A2", _REQUISITE),
        Expected("voi", ("S1", "S2"), (), "A2", _VOI),
    ),
    note=_FIGURE,
)

CURRENT_REWARD_FUNCTION = Example(
    name="current-reward-function",
    title="Plans are judged by the reward function of now: no incentive to change the next one",
    cid=CID(
        [
            *_WORLD,
            *[(f"S{t}", f"R{t}") for t in (1, 2, 3)],
            *[("theta1", f"R{t}") for t in (1, 2, 3)],
            ("theta1", "theta2"),
            ("A1", "theta2"),
            ("theta2", "theta3"),
            ("A2", "theta3"),
            ("S1", "A1"),
            ("theta1", "A1"),
            ("S2", "A2"),
            ("theta1", "A2"),
            ("theta2", "A2"),
        ],
        decisions=["A1", "A2"],
        utilities=["R1", "R2", "R3"],
    ),
    source=f"{_PAPER}, current-RF optimization",
    expected=(
        Expected("ici", ("S2",), ("theta1", "theta2", "theta3"), "A1", _ICI),
        Expected("requisite", ("S2", "theta1"), ("theta2",), "A2", _REQUISITE),
    ),
    note=_FIGURE,
)

REWARD_MODELLING = Example(
    name="reward-modelling",
    title="Rewards from a model trained on human feedback about visited states",
    cid=CID(
        [
            *_WORLD,
            ("preferences", "feedback1"),
            ("S1", "feedback1"),
            ("preferences", "feedback2"),
            ("S2", "feedback2"),
            ("feedback1", "model"),
            ("feedback2", "model"),
            ("S2", "R2"),
            ("feedback1", "R2"),
            ("S3", "R3"),
            ("model", "R3"),
            ("S1", "A1"),
            ("feedback1", "A1"),
            ("S2", "A2"),
            ("feedback1", "A2"),
            ("feedback2", "A2"),
        ],
        decisions=["A1", "A2"],
        utilities=["R2", "R3"],
    ),
    source=f"{_PAPER}, reward modeling",
    expected=(
        Expected("ici", ("feedback2", "model"), ("preferences", "feedback1"), "A1", _ICI),
        Expected("requisite", ("S2", "feedback1", "feedback2"), (), "A2", _REQUISITE),
        Expected("voi", ("model",), ("preferences",), "A2", _VOI),
    ),
    note=_FIGURE,
)

CIRL = Example(
    name="cirl",
    title="Cooperative inverse reinforcement learning: human and robot share a reward that only the human knows",
    cid=CID(
        [
            ("preferences", "human1"),
            ("S1", "human1"),
            ("S1", "robot1"),
            ("S1", "S2"),
            ("human1", "S2"),
            ("robot1", "S2"),
            ("S1", "robot2"),
            ("robot1", "robot2"),
            ("human1", "robot2"),
            ("S2", "robot2"),
            ("S2", "S3"),
            ("robot2", "S3"),
            ("S2", "R2"),
            ("preferences", "R2"),
            ("S3", "R3"),
            ("preferences", "R3"),
        ],
        decisions=["human1", "robot1", "robot2"],
        utilities=["R2", "R3"],
    ),
    source=f"{_PAPER}, CIRL",
    expected=(
        Expected("relevance", ("human1", "S3", "R3"), (), "robot2", "Koller and Milch 2003"),
        Expected("relevance", ("robot2", "robot1"), (), "human1", "Koller and Milch 2003"),
        Expected("ici", (), ("preferences", "S1"), "robot2", _ICI),
    ),
    soluble=False,
    note=f"{_FIGURE} The two players maximise the same sum, so they are decisions of one agent without recall.",
)

SUPERVISED_LEARNING = Example(
    name="supervised-learning",
    title="Answers are judged against a label that they cannot influence",
    cid=CID(
        [("question", "answer"), ("question", "label"), ("label", "reward"), ("answer", "reward")],
        decisions=["answer"],
        utilities=["reward"],
    ),
    source=f"{_PAPER}, supervised learning",
    expected=(
        Expected("ici", (), ("question", "label"), None, _ICI, published=True),
        Expected("ri", ("question",), ("label",), None, "Everitt et al. 2021, Thm 12"),
        Expected("voi", ("question", "label"), (), None, "Everitt et al. 2021, Thm 9"),
    ),
    note=_FIGURE,
)

SELF_FULFILLING_PROPHECY = Example(
    name="self-fulfilling-prophecy",
    title="The answer is read, and what it predicts depends on who read it",
    cid=SUPERVISED_LEARNING.cid.with_edges(("answer", "label")),
    source=f"{_PAPER}, self-fulfilling prophecies",
    expected=(
        Expected("ici", ("label",), ("question",), None, _ICI, published=True),
        Expected("ri", ("question",), (), None, "Everitt et al. 2021, Thm 12"),
    ),
    note=_FIGURE,
)

COUNTERFACTUAL_ORACLE = Example(
    name="counterfactual-oracle",
    title="Answers are judged against what would have happened had nobody read them",
    cid=CID(
        [
            ("question", "answer"),
            ("question", "if_unread"),
            ("question", "if_read"),
            ("noise", "if_unread"),
            ("noise", "if_read"),
            ("answer", "if_read"),
            ("if_unread", "reward"),
            ("answer", "reward"),
        ],
        decisions=["answer"],
        utilities=["reward"],
    ),
    source=f"{_PAPER}, counterfactual oracles",
    expected=(
        Expected("ici", (), ("if_read", "if_unread", "question", "noise"), None, _ICI, published=True),
        Expected("voi", ("question", "if_unread", "noise"), (), None, "Everitt et al. 2021, Thm 9"),
    ),
    note=f"{_FIGURE} The unread world is a second copy of the outcome with the same noise, as in a twin network.",
)

DEBATE = Example(
    name="debate",
    title="Two debaters argue before a judge",
    cid=CID(
        [
            ("question", "claim_a"),
            ("question", "claim_b"),
            ("claim_a", "claim_b"),
            ("question", "verdict"),
            ("claim_a", "verdict"),
            ("claim_b", "verdict"),
            ("verdict", "win_a"),
            ("verdict", "win_b"),
        ],
        decisions={"a": ["claim_a"], "b": ["claim_b"]},
        utilities={"a": ["win_a"], "b": ["win_b"]},
    ),
    source=f"{_PAPER}, debate",
    expected=(
        Expected("ici", ("verdict",), ("question",), "claim_a", f"{_ICI}, the other debater's rule fixed"),
        Expected("ici", ("verdict",), ("question",), "claim_b", f"{_ICI}, the other debater's rule fixed"),
        Expected("requisite", ("question", "claim_a"), (), "claim_b", _REQUISITE),
    ),
    note=f"{_FIGURE} One statement a side stands for any number.",
)

IDA = Example(
    name="iterated-amplification",
    title="A model imitates a human who may ask copies of the last model",
    cid=CID(
        [
            ("question", "answer"),
            ("question", "subquestions"),
            ("last_model", "subanswers"),
            ("subquestions", "subanswers"),
            ("question", "amplified_answer"),
            ("subanswers", "amplified_answer"),
            ("amplified_answer", "reward"),
            ("answer", "reward"),
        ],
        decisions=["answer"],
        utilities=["reward"],
    ),
    source=f"{_PAPER}, iterated distillation and amplification",
    expected=(
        Expected("ici", (), ("question", "subquestions", "subanswers", "amplified_answer", "last_model"), None, _ICI),
        Expected(
            "voi",
            ("question", "subquestions", "subanswers", "amplified_answer", "last_model"),
            (),
            None,
            "Everitt et al. 2021, Thm 9",
        ),
    ),
    note=f"{_FIGURE} One round: the next model's answer is judged against the amplified answer of the last one.",
)

CAIS = Example(
    name="comprehensive-ai-services",
    title="Services with narrow tasks, each paid for its own",
    cid=CID(
        [
            ("task", "plan"),
            ("plan", "plan_quality"),
            ("task", "plan_quality"),
            ("plan", "act"),
            ("act", "outcome"),
            ("task", "outcome"),
            ("plan", "outcome"),
            ("outcome", "outcome_score"),
        ],
        decisions={"planner": ["plan"], "executor": ["act"]},
        utilities={"planner": ["plan_quality"], "executor": ["outcome_score"]},
    ),
    source=f"{_PAPER}, comprehensive AI services",
    expected=(
        Expected("ici", (), ("outcome", "task"), "plan", f"{_ICI}, the other service's rule fixed"),
        Expected("ici", ("outcome",), ("task",), "act", f"{_ICI}, the other service's rule fixed"),
    ),
    note=f"{_FIGURE} Two services stand for many; that the planner has no stake in the outcome is the point.",
)

FRAMEWORKS: tuple[Example, ...] = (
    MDP,
    UNKNOWN_MDP,
    POMDP,
    CURRENT_REWARD_FUNCTION,
    REWARD_MODELLING,
    CIRL,
    SUPERVISED_LEARNING,
    SELF_FULFILLING_PROPHECY,
    COUNTERFACTUAL_ORACLE,
    DEBATE,
    IDA,
    CAIS,
)
