"""The explorer in a real Chromium: a person draws the red door with mouse and keyboard, and the library agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa import literature
from cidmesa.explorer import explore, fragments
from cidmesa.interop import dumps, loads
from tests.explorer.browser import CHROMIUM, CONTROL, SHIFT, Browser
from tests.explorer.diagrams import CRITERIA

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

RED_DOOR = fragments()["Red door"]
SIGNS = {cm.Answer.ADMITS: "yes", cm.Answer.EXCLUDES: "·", cm.Answer.UNKNOWN: "?"}


@pytest.fixture(scope="module")
def window(tmp_path_factory: Any) -> Any:
    """A window, and the page as a file."""
    folder = tmp_path_factory.mktemp("explorer")
    with Browser(folder) as browser:
        yield browser, Path(explore(path=folder / "explorer.html")).as_uri()


@pytest.fixture
def door(window: Any) -> Any:
    """The window as it opens for the first time: with the red door."""
    browser, address = window
    browser.errors.clear()
    browser.open_afresh(address)
    yield browser
    assert browser.errors == []


@pytest.fixture
def empty(door: Any) -> Any:
    """The same after *Examples*, *Empty diagram*."""
    door.click("#open-examples")
    door.click("#fresh")
    door.until("look.nodes().length === 0")
    return door


def node(name: str, part: str = "") -> str:
    return f'#canvas [data-node="{name}"] {part}'.strip()


def name_it(browser: Browser, name: str) -> None:
    browser.until("document.activeElement.matches('.rename')")
    browser.type(name)
    browser.key("Enter")


def by_handle(browser: Browser, tail: str, head: str | tuple[float, float]) -> None:
    """Pull the handle below a node onto another node, or onto a place."""
    browser.move(node(tail, ".body"))
    browser.drag(node(tail, ".handle .knob"), node(head, ".body") if isinstance(head, str) else head)


def by_keyboard(browser: Browser, tail: str, head: str) -> None:
    browser.focus(node(tail))
    browser.key("l")
    browser.focus(node(head))
    browser.key("Enter")


def draw_the_red_door(browser: Browser) -> None:
    browser.click((420, 140), times=2)
    name_it(browser, "door")
    browser.click((260, 260), times=2)
    name_it(browser, "red")
    browser.click("#add-decision")
    name_it(browser, "go")
    browser.drag(node("go", ".body"), (420, 380))
    by_handle(browser, "go", (300, 500))  # onto nothing: a new chance node
    name_it(browser, "at_red")
    by_handle(browser, "go", (560, 500))
    name_it(browser, "at_door")
    browser.focus(node("at_door"))
    browser.key("u")
    name_it(browser, "reward")
    browser.drag(node("reward", ".body"), (560, 640))
    by_handle(browser, "door", "red")
    by_handle(browser, "door", "go")
    by_handle(browser, "red", "at_red")
    by_keyboard(browser, "red", "go")
    by_keyboard(browser, "door", "at_door")
    by_keyboard(browser, "at_door", "reward")


def exported(browser: Browser, form: str) -> str:
    browser.key("s", modifiers=CONTROL)
    browser.until("document.querySelector('#export').open")
    browser.look("choose", "#export-format", form)
    text = browser.js("document.querySelector('#export-text').value")
    browser.click("#export .close")
    return str(text)


def in_python(browser: Browser) -> cm.CID:
    """Export the diagram as code and run it."""
    scope: dict[str, cm.CID] = {}
    exec(exported(browser, "python").replace("print(", "repr("), scope)
    return scope["cid"]


def lit(browser: Browser) -> list[list[str]]:
    return sorted(browser.look("links", ".link.on-path"))


def test_the_red_door_is_drawn_by_mouse_and_keyboard_and_comes_out_in_python(empty: Any) -> None:
    draw_the_red_door(empty)
    assert in_python(empty) == RED_DOOR
    assert loads(exported(empty, "yaml")) == RED_DOOR
    shown = empty.look("cells")
    report = cm.incentives(RED_DOOR)
    verdicts = {c: report.verdicts[c]["go"] for c in CRITERIA}
    assert shown == [
        [c, v, SIGNS[verdicts[c][v].answer] if v in verdicts[c] else ""]
        for v in dict.fromkeys(name for _, name, _ in shown)
        for c in CRITERIA
    ]
    assert len(shown) == 6 * len(CRITERIA)
    assert set(empty.look("rings", "voi")) == report.voi
    assert set(empty.look("rings", "ici")) == report.ici
    assert empty.look("links", ".link.dropped") == [["red", "go"]]


def test_the_proof_lights_up_on_hover_and_on_focus(door: Any) -> None:
    door.move('[data-criterion="ici"][data-name="at_door"]')
    assert lit(door) == [["at_door", "reward"], ["go", "at_door"]]
    assert "go → at_door → reward" in door.look("text", "#proof")
    door.move((700, 400))
    assert lit(door) == []
    door.click('[data-criterion="voi"][data-name="door"]')
    door.key("ArrowDown")
    words = door.look("text", "#proof")
    assert "excludes" in words
    assert "separated given door, go" in words
    assert {n for n in RED_DOOR.nodes if door.js(f"document.querySelector('{node(n)}').matches('.given')")} == {
        "door",
        "go",
    }


def test_base_against_mesa_says_what_the_bare_graph_certifies(door: Any) -> None:
    door.click("#tab-mesa")
    door.click('[data-key="target-at_red"]')
    words = door.until("look.text('#mesa .findings')")
    (m,) = cm.derive_mesa_optimizers(cm.TrainingSetup(RED_DOOR), targets=[("at_red",)])
    assert m.positions == {"spurious"}
    for expected in ("spurious", "door at go is surrogate", "VoI of red", "VoI of door", "steer at_red"):
        assert expected in words
    assert "ask Python" in door.look("text", "#mesa .verdict")
    door.click('[data-key="picture-Mesa"]')
    assert {tuple(link) for link in door.look("links", ".link:not(.dropped)")} == set(m.cid.edges)
    door.click("#tab-incentives")
    assert "mesa_utility" not in door.look("nodes")


def test_undo_copy_paste_delete_rename_and_what_breaks_a_rule(empty: Any) -> None:
    draw_the_red_door(empty)
    for _ in range(3):
        empty.key("z", modifiers=CONTROL)
    assert in_python(empty) == RED_DOOR.without_edges(("red", "go"), ("door", "at_door"), ("at_door", "reward"))
    for _ in range(3):
        empty.key("z", modifiers=CONTROL | SHIFT)
    assert in_python(empty) == RED_DOOR
    by_keyboard(empty, "at_door", "door")
    assert "has no cycle" in empty.look("text", "#status")
    assert in_python(empty) == RED_DOOR
    empty.click(node("door", ".body"))
    empty.click(node("go", ".body"), modifiers=SHIFT)
    empty.key("c", modifiers=CONTROL, commands=("copy",))
    empty.key("v", modifiers=CONTROL, commands=("paste",))
    empty.until("look.nodes().length === 8")
    twice = cm.CID([*RED_DOOR.edges, ("door_2", "go_2")], decisions=["go", "go_2"], utilities=["reward"])
    assert in_python(empty) == twice
    empty.key("Delete")
    assert in_python(empty) == RED_DOOR
    empty.click(node("red", ".body"), times=2)
    name_it(empty, "colour")
    assert in_python(empty) == RED_DOOR.renamed({"red": "colour"})
    empty.key("k")
    assert in_python(empty).decisions == ("colour", "go")


def test_the_link_tool_a_marquee_the_wheel_and_pasted_text(door: Any) -> None:
    door.click("#tool-link")
    door.drag(node("red", ".body"), node("at_door", ".body"))
    door.click("#tool-link")
    assert in_python(door) == RED_DOOR.with_edges(("red", "at_door"))
    door.drag((150, 80), (760, 700), modifiers=SHIFT)
    assert len(door.look("all", "#canvas .node.selected")) == 6
    zoom = door.look("text", "#zoom-level")
    door.mouse("mouseWheel", 500, 300, deltaX=0, deltaY=-120, modifiers=CONTROL)
    door.painted()
    assert door.look("text", "#zoom-level") > zoom
    door.look("paste", 'cm.CID([("p", "q")], decisions=["q"])')
    door.until("look.nodes().length === 8")
    assert in_python(door).decisions == ("go", "q")
    door.look("paste", "no diagram at all")
    assert "nothing here to paste" in door.until("look.text('#status')")
    door.key("a", modifiers=CONTROL)
    door.key("Delete")
    assert door.look("nodes") == []


def test_nothing_is_lost_on_reload_and_a_link_carries_the_diagram(door: Any, window: Any) -> None:
    door.drag(node("red", ".body"), (200, 500))
    door.click("#layout")
    door.drag(node("door", ".body"), (330, 120))
    before = door.look("places")
    link = door.js("explorer.then(({ store }) => store.address())")
    door.open(window[1])  # without the link: what the browser kept
    assert door.look("places") == before
    door.open_afresh(link)
    assert door.look("places") == before
    assert in_python(door) == RED_DOOR
    door.click("#undo")
    assert door.look("places") != before
    nothing = '{"agents": [0], "nodes": [], "links": []}'
    for damaged in ("{", '{"diagram": 3}', f'{{"diagram": {nothing}, "options": 7, "view": {{}}}}'):
        door.look("spoil", damaged)
        door.open(window[1])
        assert door.look("text", "#numbers").endswith("ms")


def test_fragments_and_the_literature_open_by_name(empty: Any) -> None:
    empty.click("#open-examples")
    empty.click("#fragment-list li:nth-child(1) button")
    empty.until("look.nodes().length === 5")
    assert in_python(empty) == fragments()["POMDP step"]
    empty.click("#open-examples")
    empty.type("content-recommender")
    empty.click("#literature-list li:not([hidden]) button")
    empty.until("look.nodes().includes('clicks')")
    assert in_python(empty) == literature.load("content-recommender").cid


def test_what_is_imported_is_what_was_exported(door: Any) -> None:
    texts = {form: exported(door, form) for form in ("python", "yaml", "dagitty", "tikz", "svg")}
    for text in texts.values():
        door.click("#open-examples")
        door.click("#fresh")
        door.click("#open-import")
        door.type(text)
        door.click("#import-open")
        door.until("look.nodes().length === 6")
        assert in_python(door) == RED_DOOR
    door.click("#open-import")
    door.type("cidmesa: 1\nedges: [[a, b], [b, a]]")
    door.click("#import-open")
    assert "no cycle" in door.until("look.text('#import-problem')")


def test_several_agents_have_names_numbers_and_verdicts_of_their_own(empty: Any) -> None:
    game = cm.CID(
        [("truth", "tell"), ("tell", "act"), ("truth", "ua"), ("truth", "ub"), ("act", "ua"), ("act", "ub")],
        decisions={"Ann": ["tell"], "Bob": ["act"]}, utilities={"Ann": ["ua"], "Bob": ["ub"]},
    )  # fmt: skip
    empty.click("#open-import")
    empty.type(dumps(game))
    empty.click("#import-open")
    empty.until("look.nodes().length === 5")
    assert empty.js("look.all('#canvas .badge-text').map((one) => one.textContent).sort().join('')") == "1122"
    report = cm.incentives(game, search=False)
    for decision in game.decisions:
        empty.look("choose", "#decision", decision)
        empty.painted()
        admitted = {(c, v) for c, v, sign in empty.look("cells") if sign == "yes"}
        verdicts = {c: report.verdicts[c][decision] for c in CRITERIA}
        assert admitted == {
            (c, v) for c in CRITERIA for v, one in verdicts[c].items() if one.settled is cm.Answer.ADMITS
        }
    empty.click("#facts .agent2")
    empty.key("a", modifiers=CONTROL, commands=("selectAll",))
    empty.type("Bea")
    empty.key("Enter")
    named = in_python(empty)
    assert (named.agents, named.decisions_of("Bea"), named.utilities_of("Bea")) == (("Ann", "Bea"), ("act",), ("ub",))


def test_every_control_has_a_name_and_the_tab_key_reaches_all_of_it(door: Any) -> None:
    assert door.look("nameless") == []
    spoken = door.js(f"document.querySelector('{node('door')}').ariaLabel")
    assert spoken.startswith("door, chance")
    assert "for go admits value of information" in spoken
    door.click((760, 330))
    door.focus("#canvas")
    order = []
    for _ in RED_DOOR.nodes:
        door.key("Tab")
        order.append(door.js("document.activeElement.dataset.node ?? ''"))
    assert set(order) == set(RED_DOOR.nodes)
    assert all(order.index(tail) < order.index(head) for tail, head in RED_DOOR.edges)
    before = door.look("place", order[-1])
    door.key("ArrowRight")
    assert door.look("place", order[-1]) != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_aa_and_nothing_moves_for_who_asks_for_that(door: Any, scheme: Any) -> None:
    wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    door.call("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in wanted.items()])
    assert door.look("poor") == []
    door.click("#tab-mesa")
    door.click('[data-key="target-at_red"]')
    door.click(node("door", ".body"))
    assert door.look("poor") == []
    door.click("#open-help")
    assert door.look("poor") == []
    door.click("#help .close")
    assert door.look("moving") == 0
    door.call("Emulation.setEmulatedMedia", features=[])


def test_it_fits_a_phone_and_answers_to_fingers(tmp_path: Path) -> None:
    address = Path(explore(path=tmp_path / "explorer.html")).as_uri()
    with Browser(tmp_path, width=390, height=844, touch=True) as phone:

        def touch(kind: str, *points: tuple[float, float]) -> None:
            phone.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

        phone.open(address)
        assert phone.js("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert phone.look("inSight")
        before, (x, y) = phone.look("place", "at_red"), phone.middle(node("at_red", ".label"))
        touch("touchStart", (x, y))
        for i in range(1, 5):
            touch("touchMove", (x - 6 * i, y))
        touch("touchEnd")
        phone.painted()
        assert phone.look("place", "at_red") != before
        zoom = phone.look("text", "#zoom-level")
        touch("touchStart", (160, 250), (240, 250))
        touch("touchMove", (130, 250), (270, 250))
        touch("touchEnd")
        phone.painted()
        assert phone.look("text", "#zoom-level") != zoom
        assert phone.errors == []
