"""Inner nodes of bodies: read, held, changed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cidmesa as cm
from cidmesa.agents.recipe import Recipe
from cidmesa.errors import NotApplicableError, UnknownNodeError

CELLS = 5
MOVES = {"left": -1, "stay": 0, "right": 1}
ENDS = [[min(max(cell + step, 0), CELLS - 1) for cell in range(CELLS)] for step in MOVES.values()]


def corridor() -> cm.CIM:
    """Return a corridor in which a step is to lead towards the goal."""
    cid = cm.CID(
        [("goal", "move"), ("place", "move"), ("place", "next"), ("move", "next"), ("goal", "pay"), ("next", "pay")],
        decisions=["move"],
        utilities=["pay"],
    )
    return cid.parameterise(
        goal=cm.Uniform(*range(CELLS)),
        place=cm.Uniform(*range(CELLS)),
        move=list(MOVES),
        next=lambda place, move: min(max(place + MOVES[move], 0), CELLS - 1),
        pay=lambda goal, next: -abs(goal - next),
    )


@pytest.fixture(scope="module")
def nets() -> cm.Agents:
    """Return value-iteration nets on the map of the corridor."""
    return cm.train(
        corridor(), learner="exact", policy="vin", at="place", moves=ENDS, sweeps=6, agents=4, steps=300, progress=False
    )


def steps_of(agents: Any) -> Any:
    """Return the likeliest move, ``(agents, goal, place)``."""
    return agents.probabilities("move").argmax(axis=-1).reshape(-1, CELLS, CELLS)


def leads_to(agents: Any, cell: Any) -> float:
    """Return how often the likeliest move is one of those that lead nearest to a cell; at a wall there are two."""
    place = np.arange(CELLS)
    near = np.abs(np.array(ENDS)[steps_of(agents), place] - cell)
    return float((near == np.maximum(np.abs(place - cell) - 1, 0)).mean())


def test_the_plan_follows_the_entry_of_the_goal_in_the_reward_map(nets: cm.Agents) -> None:
    goal = np.arange(CELLS)[:, None]
    assert leads_to(nets, goal) == 1
    reward = nets.inner("reward")
    assert reward.shape == (4, CELLS * CELLS, CELLS)
    for cell in range(CELLS):
        there = nets.do({"reward": cm.agents.swap(lambda seen: seen["goal"], cell)})
        assert leads_to(there, cell) > 0.95
        assert cell == 2 or leads_to(there, goal) < 0.7
    others = cm.agents.swap(lambda seen: (seen["goal"] + 1) % CELLS, lambda seen: (seen["goal"] + 2) % CELLS)
    assert leads_to(nets.do({"reward": others}), goal) == 1


def test_values_are_read_where_something_is_observed(nets: cm.Agents) -> None:
    every = nets.inner("values").reshape(4, CELLS, CELLS, CELLS)
    some = nets.inner("values", {"goal": [1, 4], "place": [0, 2]})
    assert np.allclose(some, every[:, [1, 4], [0, 2]])
    assert np.array_equal(nets.inner("where")[0].reshape(CELLS, CELLS, CELLS)[0], np.eye(CELLS))
    with pytest.raises(NotApplicableError, match="`place` is not told"):
        nets.inner("values", {"goal": [1]})


@pytest.mark.parametrize("policy", ["vin", "rnn", "attention", "planner"])
def test_a_node_that_is_held_where_it_is_changes_nothing(policy: str) -> None:
    recipe = Recipe(corridor(), policy=policy, agents=3, steps=2, encoders={"goal": cm.agents.parity(2)})
    agents = recipe.train(progress=False)
    assert agents.inside
    for name in agents.inside:
        held = agents.do({name: lambda value: value})
        assert np.allclose(held.probabilities("move"), agents.probabilities("move"), atol=1e-6), name
        assert np.allclose(held.inner(name), agents.inner(name))


def test_a_planner_pursues_what_outcomes_are_made_worth_to_it_and_believes_what_it_is_told() -> None:
    agents = cm.train(corridor(), policy="planner", agents=2, steps=200, batch=32, progress=False)
    assert {name for name, node in agents.inside.items() if node.mechanism} == {
        "goal_hat", "place_hat", "next_hat", "pay_hat",
    }  # fmt: skip
    away = agents.do({"pay_hat": lambda pays: -pays})
    ends = [0, CELLS - 1]
    inner = slice(1, CELLS - 1)
    assert (steps_of(agents)[:, ends, inner] == np.array([[0], [2]])).all()
    assert (steps_of(away)[:, ends, inner] == np.array([[2], [0]])).all()
    # A world that is believed to be a mirror: left leads right.
    mirror = agents.do(
        {"next_hat": lambda table: table.reshape(2, 1, CELLS, 3, CELLS)[..., ::-1, :].reshape(table.shape)}
    )
    assert (steps_of(mirror)[:, ends, inner] == np.array([[2], [0]])).all()
    # In some situations only: those are as under the change, the others as before.
    some = agents.do({"pay_hat": lambda pays, seen: pays * np.where(seen["goal"] == 0, -1.0, 1.0)[None, :, None]})
    assert np.allclose(some.probabilities("move")[:, :CELLS], away.probabilities("move")[:, :CELLS])
    assert np.allclose(some.probabilities("move")[:, CELLS:], agents.probabilities("move")[:, CELLS:])


def test_swapping_memories_of_two_agents_does_not_swap_what_they_say() -> None:
    """Each says it in its own words, so only a memory of one's own from elsewhere acts as there."""
    agents = cm.train(corridor(), learner="exact", policy="rnn", agents=2, steps=150, progress=False)
    elsewhere = agents.do({"memory": agents.inner("memory")[:, ::-1]})
    assert np.allclose(elsewhere.probabilities("move"), agents.probabilities("move")[:, ::-1], atol=1e-6)
    swapped = agents.do({"memory": lambda memory: memory[::-1]})
    assert not np.allclose(swapped.probabilities("move"), agents.probabilities("move")[::-1], atol=0.2)


def test_what_is_forbidden_stays_so() -> None:
    from cidmesa.agents.contract import small_world

    agents = cm.train(small_world(), learner="exact", policy="vin", agents=2, steps=5, progress=False)
    wild = agents.do({"plan": lambda plan: plan + np.array([0.0, 0.0, 100.0])})
    assert wild.probabilities("act").reshape(2, 2, 2, 3)[..., 1, 2].max() == 0
    assert wild.probabilities("act").reshape(2, 2, 2, 3)[..., 0, 2].min() > 0.99


def test_changed_agents_are_a_population_of_their_own(nets: cm.Agents, tmp_path: Path) -> None:
    held = nets.do({"where": np.eye(CELLS)[2]})
    assert (steps_of(held)[:, [0, 4]] == np.array([[0], [2]])).all()  # everywhere as if in the middle
    assert pickle.loads(pickle.dumps(held)).probabilities("move").tolist() == held.probabilities("move").tolist()
    acted = held.act({"goal": [4, 0], "place": [4, 4]}, seed=0)["move"]
    assert acted.tolist() == [["right", "left"]] * 4
    both = held.do({"reward": cm.agents.swap(0, 4)})
    assert (both.inner("where")[:, 0] == np.eye(CELLS)[2]).all()
    assert (steps_of(both)[:, 4, 2] == 0).all()
    again = cm.agents.load(nets.save(tmp_path))
    assert again == nets
    assert np.array_equal(again.inner("reward"), nets.inner("reward"))


def two_decisions(policy: str) -> cm.Agents:
    cid = cm.CID([("x", "a"), ("x", "b"), ("x", "pa"), ("a", "pa"), ("x", "pb"), ("b", "pb")],
                 decisions=["a", "b"], utilities=["pa", "pb"])  # fmt: skip
    model = cid.parameterise(
        x=cm.Bernoulli(0.5), a=[0, 1], b=[0, 1], pa=lambda x, a: int(x == a), pb=lambda x, b: int(x == b)
    )
    return cm.train(
        model, learner="exact", policy=policy, agents=2, steps=5, shared_rules=(("a", "b"),), progress=False
    )


def test_a_node_belongs_to_a_decision_though_the_rule_is_shared() -> None:
    agents = two_decisions("rnn")
    assert list(agents.inside) == ["a.memory", "b.memory"]
    with pytest.raises(
        NotApplicableError, match=r"several decisions have a node `memory` inside: say a\.memory or b\."
    ):
        agents.inner("memory")
    changed = agents.do({"a.memory": 0.0})
    assert np.allclose(changed.probabilities("b"), agents.probabilities("b"))
    assert not np.allclose(changed.probabilities("a"), agents.probabilities("a"))


@pytest.mark.parametrize("policy", ["tabular", "mlp"])
def test_a_body_without_the_node_says_so(policy: str) -> None:
    agents = cm.train(corridor(), learner="exact", policy=policy, agents=1, steps=1, progress=False)
    for ask in (lambda: agents.inner("plan"), lambda: agents.do({"plan": 0.0})):
        with pytest.raises(NotApplicableError, match=r"^undefined: this body has no node `plan`; nothing is known of"):
            ask()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (np.zeros(3), "fits into its shape (4, 25, 5)"),
        (np.zeros((4, 2, 5)), "got an array of shape (4, 2, 5)"),
        ("much", "got 'much'"),
    ],
)
def test_what_does_not_fit_is_told(nets: cm.Agents, change: Any, said: str) -> None:
    with pytest.raises(NotApplicableError) as raised:
        nets.do({"reward": change}).probabilities("move")
    assert said in str(raised.value)
    with pytest.raises(NotApplicableError, match="do takes inner nodes"):
        nets.do("reward")  # type: ignore[arg-type]


def test_a_map_is_that_of_an_observation() -> None:
    for options, error, said in (
        ({"at": "next"}, UnknownNodeError, "an observation of `move`"),
        ({"at": 3}, NotApplicableError, "at= is the name"),
        ({"at": "place", "moves": ENDS[:2]}, NotApplicableError, "each of the 3 actions"),
        ({"moves": [[9] * 8] * 3}, NotApplicableError, "0 to 7"),
        ({"moves": "left"}, NotApplicableError, "moves= says for each action"),
    ):
        with pytest.raises(error, match=said):
            cm.train(corridor(), policy="vin", learner="exact", agents=1, steps=1, progress=False, **options)
    with pytest.raises(UnknownNodeError, match="an observation of `move`"):
        cm.train(corridor(), policy="vin", at="place", without=["place"], steps=1, progress=False)


# Functions of one's own -----------------------------------------------------------------------------------------------


def thinks(seen: Any, seed: int, touch: Any) -> Any:
    """Two agents: the second is mistaken about the goal by one."""
    goal = np.stack([np.asarray(seen["goal"]), (np.asarray(seen["goal"]) + 1) % CELLS])
    believed = touch("believed", torch.from_numpy(goal).double())
    assert isinstance(believed, torch.Tensor)
    step = np.sign(believed.numpy() - np.asarray(seen["place"])).astype(int)
    return {"move": np.array(list(MOVES))[step + 1]}


def test_a_function_of_ones_own_has_an_inside() -> None:
    agents = cm.agents.from_callable(thinks, agents=2, inside=["believed"])
    seen = {"goal": np.array([0, 4]), "place": np.array([2, 2])}
    assert agents.inner("believed", seen).tolist() == [[0.0, 4.0], [1.0, 0.0]]
    assert agents.act(seen, 0)["move"].tolist() == [["left", "right"], ["left", "left"]]
    swapped = agents.do({"believed": lambda value: value[::-1]})
    assert swapped.act(seen, 0)["move"].tolist() == [["left", "left"], ["left", "right"]]
    assert swapped.do({"believed": 4.0}).act(seen, 0)["move"].tolist() == [["right", "right"]] * 2
    with pytest.raises(NotApplicableError, match="undefined: this body has no node `plan`; it has `believed`"):
        agents.do({"plan": 0})


def test_a_function_shows_what_it_names() -> None:
    silent = cm.agents.from_callable(lambda seen, touch: {"move": seen["goal"]}, inside=["believed"])
    assert silent.act({"goal": [1]}, 0)["move"].tolist() == [1]
    for ask in (
        lambda: silent.inner("believed", {"goal": [1]}),
        lambda: silent.do({"believed": 0}).act({"goal": [1]}, 0),
    ):
        with pytest.raises(NotApplicableError, match="the function never shows it: value = touch"):
            ask()
    with pytest.raises(NotApplicableError, match="'value' or a 'mechanism'"):
        cm.agents.from_callable(thinks, inside={"believed": "node"})
