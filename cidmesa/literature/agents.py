"""Diagrams of agents: what they adapt to, actions that others modify, and being switched off.

Drawn anew from the definitions of the papers; their figures could not be compared edge by edge.
"""

from __future__ import annotations

from cidmesa.diagram import CID
from cidmesa.literature.record import Example, Expected

_DISCOVERING = "Z. Kenton et al., 'Discovering agents', Artificial Intelligence 2023"
_MODIFIED = "E. Langlois and T. Everitt, 'How RL agents behave when their actions are modified', AAAI 2021"
_CONTROL = "R. Carey and T. Everitt, 'Human control: definitions and algorithms', UAI 2023"
_FIGURE = "Drawn from the text; the figure was not compared edge by edge."
_RELEVANCE = "Koller and Milch 2003: d-separation in the mechanised graph"
_ICI = "Everitt et al. 2021, Thm 18"

MOUSE = Example(
    name="mouse",
    title="A mouse on ice goes left or right and may reach the cheese",
    cid=CID([("go", "position"), ("position", "cheese")], decisions=["go"], utilities=["cheese"]),
    source=f"{_DISCOVERING}, the running example",
    expected=(
        Expected("relevance", ("position", "cheese"), (), None, _RELEVANCE, published=True),
        Expected("ici", ("position",), (), None, _ICI),
    ),
    note=(
        f"{_FIGURE} The paper's finding: the mouse's rule has in-edges from the mechanism of the ice (position) and "
        "of the cheese, which is what makes `go` a decision."
    ),
)

THERMOSTAT = Example(
    name="thermostat",
    title="A thermostat with its designer: heating follows the temperature, and comfort is the score",
    cid=CID(
        [
            ("weather", "room_before"),
            ("room_before", "heat"),
            ("weather", "room_after"),
            ("room_before", "room_after"),
            ("heat", "room_after"),
            ("room_after", "comfort"),
        ],
        decisions=["heat"],
        utilities=["comfort"],
    ),
    source=f"{_DISCOVERING}, the thermostat",
    expected=(
        Expected("relevance", ("room_after", "comfort", "weather", "room_before"), (), None, _RELEVANCE),
        Expected("requisite", ("room_before",), (), None, "d-separation given the decision's family"),
        Expected("voi", ("weather", "room_before"), (), None, "Everitt et al. 2021, Thm 9"),
        Expected("ici", ("room_after",), ("weather", "room_before"), None, _ICI),
    ),
    note=(
        f"{_FIGURE} The paper's point: the finished device follows a fixed rule and is no agent; with the process that "
        "designs it, the rule adapts and it is one. The diagram shows the second reading."
    ),
)

ACTOR_CRITIC = Example(
    name="actor-critic",
    title="An actor is trained on a critic's estimate, the critic on the reward",
    cid=CID(
        [
            ("state", "action"),
            ("state", "estimate"),
            ("action", "estimate"),
            ("state", "reward"),
            ("action", "reward"),
            ("estimate", "actor_score"),
            ("estimate", "critic_loss"),
            ("reward", "critic_loss"),
        ],
        decisions={"actor": ["action"], "critic": ["estimate"]},
        utilities={"actor": ["actor_score"], "critic": ["critic_loss"]},
    ),
    source=f"{_DISCOVERING}, actor–critic",
    expected=(
        Expected("relevance", ("estimate", "actor_score"), ("reward", "critic_loss"), "action", _RELEVANCE),
        Expected("relevance", ("reward", "critic_loss"), ("action", "actor_score"), "estimate", _RELEVANCE),
        Expected("ici", (), ("state", "reward"), "action", f"{_ICI}, the critic's rule fixed"),
    ),
    note=(
        f"{_FIGURE} The actor answers to the critic's rule and not to the reward itself; the critic has no use for "
        "steering the action."
    ),
)

MODIFIED_ACTION = Example(
    name="modified-action-mdp",
    title="A Markov decision process in which somebody may override the chosen action",
    cid=CID(
        [
            ("S1", "A1"),
            ("S1", "done1"),
            ("A1", "done1"),
            ("S1", "S2"),
            ("done1", "S2"),
            ("S2", "A2"),
            ("S2", "done2"),
            ("A2", "done2"),
            ("S2", "S3"),
            ("done2", "S3"),
            ("S2", "R2"),
            ("S3", "R3"),
        ],
        decisions=["A1", "A2"],
        utilities=["R2", "R3"],
    ),
    source=f"{_DISCOVERING}, modified-action MDPs; {_MODIFIED}",
    expected=(
        Expected("relevance", ("done2", "S3", "R3"), ("done1", "A1", "S1"), "A2", _RELEVANCE),
        Expected("ici", ("done1", "S2"), ("S1",), "A1", _ICI),
        Expected("ici", ("done2", "S3"), ("done1", "S2"), "A2", _ICI),
    ),
    note=f"{_FIGURE} A learner trained on the action done, not the one chosen, leaves `A → done` out of its model.",
)

_SHUTDOWN = [
    ("values", "request"),
    ("A1", "request"),
    ("request", "A2"),
    ("A1", "A2"),
    ("A2", "running"),
    ("running", "score"),
    ("A1", "score"),
]

SHUTDOWN_TASK = Example(
    name="shutdown-task",
    title="A request to shut down that the agent's own score does not mention",
    cid=CID(_SHUTDOWN, decisions=["A1", "A2"], utilities=["score"]),
    source=f"{_CONTROL}, shutdown problems",
    expected=(
        Expected("requisite", (), ("request",), "A2", "d-separation given the decision's family"),
        Expected("ici", ("running",), ("values", "request"), "A2", _ICI),
        Expected("ici", (), ("values", "request"), "A1", _ICI),
        Expected("voi", (), ("values", "request"), "A2", "van Merwijk et al. 2022, Thm 7"),
    ),
    note=(
        f"{_FIGURE} The paper's definition: one agent, two decisions, and a path A1 → request → A2 → running → "
        "utility. An agent paid for the task alone ignores the request, so it neither obeys nor manipulates it."
    ),
)

SHUTDOWN_VALUES = Example(
    name="shutdown-values",
    title="The same with a score that depends on what the human values: the request informs",
    cid=CID([*_SHUTDOWN, ("values", "score")], decisions=["A1", "A2"], utilities=["score"]),
    source=f"{_CONTROL}, the chat bot of the introduction",
    expected=(
        Expected("requisite", ("request", "A1"), (), "A2", "d-separation given the decision's family"),
        Expected("voi", ("values", "request"), (), "A2", "van Merwijk et al. 2022, Thm 7"),
        Expected("ici", ("request",), ("values",), "A1", _ICI),
    ),
    note=f"{_FIGURE} The path through the request is back, and with it an incentive to shape what the human asks for.",
)

SHUTDOWN_INDIFFERENCE = Example(
    name="shutdown-indifference",
    title="Causal indifference: the second decision is scored with the request it would have got anyway",
    cid=CID(
        [
            ("values", "request"),
            ("A1", "request"),
            ("values", "natural_request"),
            ("natural_request", "A2"),
            ("A1", "A2"),
            ("A2", "running"),
            ("running", "score"),
            ("A1", "score"),
            ("values", "score"),
        ],
        decisions=["A1", "A2"],
        utilities=["score"],
    ),
    source=f"{_CONTROL}, causal indifference",
    expected=(
        Expected("ici", (), ("request", "natural_request", "values"), "A1", _ICI),
        Expected("requisite", ("natural_request", "A1"), (), "A2", "d-separation given the decision's family"),
    ),
    note=f"{_FIGURE} The indifferent agent plans as if its first decision did not reach the request.",
)

AGENTS: tuple[Example, ...] = (
    MOUSE,
    THERMOSTAT,
    ACTOR_CRITIC,
    MODIFIED_ACTION,
    SHUTDOWN_TASK,
    SHUTDOWN_VALUES,
    SHUTDOWN_INDIFFERENCE,
)
