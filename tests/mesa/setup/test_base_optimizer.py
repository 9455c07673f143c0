"""The base optimizer's diagram: incentives on deployment nodes exist exactly where data return with credit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.mesa.setup.base_optimizer import AGAIN, THETA, UNCREDITED, at
from cidmesa.mesa.setup.deployment import TRAINING
from cidmesa.mesa.setup.training import Deployment, Phases, TrainingSetup
from tests.strategies import cids, examples

ORACLE = cm.CID(
    [("seen", "say"), ("say", "state"), ("say", "score"), ("state", "score")], decisions=["say"], utilities=["score"]
)


def ici(cid: cm.CID) -> set[str]:
    """Nodes between the parameters and what they are paid: with one decision without parents, the criterion."""
    return {x for x in cid.descendants(THETA) if any(u in cid.descendants(x) for u in cid.utilities)}


def test_offline_and_online() -> None:
    use = {"use": {"seen"}}
    offline = TrainingSetup(ORACLE, deployments=use)
    rewarded = TrainingSetup(ORACLE, deployments=use, feedback=[("state", "state")])
    supervised = TrainingSetup(ORACLE, deployments=use, feedback=[("state", "state", False)])
    unmoved = TrainingSetup(ORACLE, deployments=use, feedback=[("seen", "state")])
    of_use = {at(node, "use") for node in ORACLE.nodes}
    assert ici(offline.base_optimizer()) & of_use == set()
    assert ici(rewarded.base_optimizer()) & of_use == {"say@use", "state@use"}
    assert ici(supervised.base_optimizer()) & of_use == set()
    assert ici(unmoved.base_optimizer()) & of_use == set()


def test_copies() -> None:
    setup = TrainingSetup(
        ORACLE,
        deployments={"use": Deployment({"score"}, [("seen", "score")])},
        feedback=[("state", "state"), ("seen", "seen", False)],
    )
    twin = setup.base_optimizer()
    assert twin.decisions == (THETA,)
    assert twin.parents(THETA) == ()
    assert twin.utilities == (at("score", TRAINING), at("score", AGAIN))
    assert twin.parents("say@use") == ("seen@use", THETA)
    assert twin.has_edge("seen@use", "score@use")
    assert not twin.has_edge("seen@training", "score@training")
    assert twin.has_edge("state@use", at("state", AGAIN))
    assert twin.has_edge("seen@use", at("seen", UNCREDITED))
    assert twin.kind(at("score", UNCREDITED)) == "chance"


def test_mechanisms_join_only_the_copies_that_share_them() -> None:
    setup = TrainingSetup(ORACLE, deployments={"use": {"seen"}}, feedback=[("state", "state")])
    drawn = setup.base_optimizer(mechanisms=True)
    assert set(drawn.children("M_state")) == {"state@training", "state@use", at("state", AGAIN)}
    assert set(drawn.children("M_seen")) == {"seen@training", at("seen", AGAIN)}
    assert "M_say" not in drawn
    assert ici(drawn) == ici(setup.base_optimizer())


def test_with_phases_training_pays_only_what_it_scores() -> None:
    cid = cm.CID(
        [("train", "loss"), ("train", "kept"), ("kept", "harm"), ("deploy", "harm")],
        decisions=["train", "deploy"],
        utilities=["loss", "harm"],
    )
    setup = TrainingSetup(cid, phases=Phases("train", "kept", "deploy"))
    assert setup.training_score == ("loss",)
    assert setup.base_optimizer().utilities == ("loss@training",)
    assert TrainingSetup(cid).base_optimizer().utilities == ("loss@training", "harm@training")


@given(data=st.data())
@settings(max_examples=examples(quick=60, full=2000))
def test_an_incentive_on_a_deployment_node_needs_a_credited_return(data: st.DataObject) -> None:
    """The incentives of the drawn twin equal the rule, which is computed on the base diagram alone."""
    cid = data.draw(cids(decisions=(1, 2), max_chance=4))
    inner = [n for n in cid.nodes if cid.kind(n) != "utility"]
    heads = [n for n in cid.nodes if cid.kind(n) != "decision"]
    deployments: dict[str, Deployment] = {}
    for name in ("a", "b"):
        candidates = [
            (t, h) for t in inner for h in heads if t != h and not cid.has_edge(t, h) and t not in cid.descendants(h)
        ]
        edges = [data.draw(st.sampled_from(candidates))] if candidates and data.draw(st.booleans()) else []
        deployments[name] = Deployment({h for _, h in edges} | {data.draw(st.sampled_from(heads))}, edges)
    node = st.sampled_from(cid.nodes)
    feedback = data.draw(st.lists(st.tuples(node, node, st.booleans()), max_size=3))
    phases = None
    if len(cid.decisions) == 2 and data.draw(st.booleans()):
        phases = Phases(cid.decisions[0], data.draw(st.sampled_from(cid.chance)), cid.decisions[1])
    setup = TrainingSetup(cid, deployments=deployments, feedback=feedback, phases=phases)
    after = cid.descendants(phases.update) if phases else ()
    scored = {u for u in cid.utilities if u not in after}
    twin = setup.base_optimizer()
    found = ici(twin)
    assert {x for x in cm.incentives(twin).ici if twin.kind(x) == "chance"} == found - set(twin.utilities)
    for name in deployments:
        diagram = setup.deployed_cid(name)
        moved = {x for d in cid.decisions for x in diagram.descendants(d, strict=False)}
        returning = {v for v, w, credit in feedback if credit and scored & cid.descendants(w, strict=False)}
        expected = {x for x in moved if any(v in diagram.descendants(x, strict=False) for v in returning)}
        assert {x for x in cid.nodes if at(x, name) in found} == expected
