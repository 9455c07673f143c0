"""The explorer in a real Chromium: a person draws the red door with mouse and keyboard, and the library agrees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cidmesa as cm
from cidmesa.explorer import explore, fragments
from cidmesa.interop.files import loads
from tests.explorer.browser import CHROMIUM, CONTROL, SHIFT, Browser
from tests.explorer.diagrams import CRITERIA

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

RED_DOOR = fragments()["Red door"]
SIGNS = {cm.Answer.ADMITS: "yes", cm.Answer.EXCLUDES: "·", cm.Answer.UNKNOWN: "?"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page as a file, and a window on it."""
    folder = tmp_path_factory.mktemp("explorer")
    address = Path(explore(path=folder / "explorer.html")).as_uri()
    with Browser(folder) as browser:
        browser.address = address
        yield browser


@pytest.fixture
def door(page):
    """The window as it opens for the first time: with the red door."""
    page.errors.clear()
    page.open_afresh(page.address)
    yield page
    assert page.errors == []


@pytest.fixture
def empty(door):
    """The same after *Examples*, *Empty diagram*."""
    door.click("#open-examples")
    door.click("#fresh")
    door.until("document.querySelectorAll('[data-node]').length === 0")
    return door


def at(x, y):
    return x, y


def node(name):
    return f'[data-node="{name}"]'


def name_it(browser, name):
    browser.until("document.activeElement.matches('.rename')")
    browser.type(name)
    browser.key("Enter")


def by_handle(browser, tail, head):
    """Pull the handle below a node onto another, or onto a place."""
    browser.move(f"{node(tail)} .body")
    browser.drag(f"{node(tail)} .handle .knob", f"{node(head)} .body" if isinstance(head, str) else head)


def by_keyboard(browser, tail, head):
    browser.js(f"document.querySelector({json.dumps(node(tail))}).focus()")
    browser.key("l")
    browser.js(f"document.querySelector({json.dumps(node(head))}).focus()")
    browser.key("Enter")


def draw_the_red_door(browser):
    browser.click(at(420, 140), times=2)
    name_it(browser, "door")
    browser.click(at(260, 260), times=2)
    name_it(browser, "red")
    browser.click("#add-decision")
    name_it(browser, "go")
    browser.drag(f"{node('go')} .body", at(420, 380))
    by_handle(browser, "go", at(300, 500))  # onto nothing: a new chance node
    name_it(browser, "at_red")
    by_handle(browser, "go", at(560, 500))
    name_it(browser, "at_door")
    browser.js(f"document.querySelector({json.dumps(node('at_door'))}).focus()")
    browser.key("u")
    name_it(browser, "reward")
    browser.drag(f"{node('reward')} .body", at(560, 640))
    by_handle(browser, "door", "red")
    by_handle(browser, "door", "go")
    by_handle(browser, "red", "at_red")
    by_keyboard(browser, "red", "go")
    by_keyboard(browser, "door", "at_door")
    by_keyboard(browser, "at_door", "reward")


def exported(browser, form):
    browser.key("s", modifiers=CONTROL)
    browser.until("document.querySelector('#export').open")
    browser.js(
        f"(() => {{ const f = document.querySelector('#export-format'); f.value = {json.dumps(form)};"
        " f.dispatchEvent(new Event('change')); })()"
    )
    text = browser.js("document.querySelector('#export-text').value")
    browser.click("#export .close")
    return text


def in_python(browser):
    scope = {}
    exec(exported(browser, "python").replace("print(", "repr("), scope)
    return scope["cid"]


def test_the_red_door_is_drawn_by_mouse_and_keyboard_and_comes_out_in_python(empty):
    draw_the_red_door(empty)
    assert in_python(empty) == RED_DOOR
    assert loads(exported(empty, "yaml")) == RED_DOOR
    shown = empty.until(
        "[...document.querySelectorAll('#verdicts td')].map((c) => [c.dataset.criterion, c.dataset.name, c.textContent])"
    )
    verdicts = cm.incentives(RED_DOOR).verdicts
    expected = [
        [c, v, SIGNS[verdicts[c]["go"][v].answer] if v in verdicts[c]["go"] else ""]
        for v in dict.fromkeys(name for _, name, _ in shown)
        for c in CRITERIA
    ]
    assert shown == expected
    rings = empty.js(
        "[...document.querySelectorAll('.ring[class*=voi]')].map((r) => r.closest('[data-node]')?.dataset.node).filter(Boolean)"
    )
    assert set(rings) == cm.incentives(RED_DOOR).voi
    dropped = empty.js("[...document.querySelectorAll('.link.dropped')].map((l) => [l.dataset.tail, l.dataset.head])")
    assert dropped == [["red", "go"]]


def test_the_proof_lights_up_on_hover_and_on_focus(door):
    cell = '[data-criterion="ici"][data-name="at_door"]'
    lit = "[...document.querySelectorAll('.link.on-path')].map((l) => [l.dataset.tail, l.dataset.head]).sort().join()"
    door.move(cell)
    assert door.js(lit) == "at_door,reward,go,at_door"
    assert "go → at_door → reward" in door.js("document.querySelector('#proof').textContent")
    door.move(at(700, 400))
    assert door.js(lit) == ""
    door.click('[data-criterion="voi"][data-name="door"]')
    door.key("ArrowDown")
    words = door.js("document.querySelector('#proof').textContent")
    assert "excludes" in words
    assert "separated given door, go" in words
    assert set(door.js("[...document.querySelectorAll('.node.given')].map((n) => n.dataset.node)")) == {"door", "go"}


def test_base_against_mesa_says_what_the_bare_graph_certifies(door):
    door.click("#tab-mesa")
    door.click('[data-key="target-at_red"]')
    words = door.until("document.querySelector('#mesa .findings')?.textContent")
    (m,) = cm.derive_mesa_optimizers(cm.TrainingSetup(RED_DOOR), targets=[("at_red",)])
    assert m.positions == {"spurious"}
    for expected in ("spurious", "door at go is surrogate", "VoI of red", "VoI of door", "steer at_red"):
        assert expected in words
    assert "ask Python" in door.js("document.querySelector('#mesa .verdict').textContent")
    door.click('[data-key="picture-Mesa"]')
    links = door.js(
        "[...document.querySelectorAll('.link:not(.dropped)')].map((l) => [l.dataset.tail, l.dataset.head])"
    )
    assert {tuple(link) for link in links} == set(m.cid.edges)
    door.click("#tab-incentives")
    assert door.js("document.querySelectorAll('[data-node=mesa_utility]').length") == 0


def test_undo_copy_paste_delete_rename_and_what_breaks_a_rule(empty):
    draw_the_red_door(empty)
    for _ in range(3):
        empty.key("z", modifiers=CONTROL)
    assert in_python(empty) == RED_DOOR.without_edges(("red", "go"), ("door", "at_door"), ("at_door", "reward"))
    for _ in range(3):
        empty.key("z", modifiers=CONTROL | SHIFT)
    assert in_python(empty) == RED_DOOR
    by_keyboard(empty, "at_door", "door")  # a cycle
    assert "has no cycle" in empty.js("document.querySelector('#status').textContent")
    assert in_python(empty) == RED_DOOR
    empty.click(f"{node('door')} .body")
    empty.click(f"{node('go')} .body", modifiers=SHIFT)
    empty.key("c", modifiers=CONTROL, commands=("copy",))
    empty.key("v", modifiers=CONTROL, commands=("paste",))
    empty.until("document.querySelectorAll('[data-node]').length === 8")
    assert in_python(empty) == cm.CID(
        [*RED_DOOR.edges, ("door_2", "go_2")], decisions=["go", "go_2"], utilities=["reward"]
    )
    empty.key("Delete")
    assert in_python(empty) == RED_DOOR
    empty.click(f"{node('red')} .body", times=2)
    name_it(empty, "colour")
    assert in_python(empty) == RED_DOOR.renamed({"red": "colour"})
    empty.key("k")
    assert in_python(empty).decisions == ("colour", "go")


def test_nothing_is_lost_on_reload_and_a_link_carries_the_diagram(door):
    link = door.until("location.hash.length > 9 && location.href")
    door.js("new Promise((done) => setTimeout(done, 400))")
    link = door.js("location.href")
    places = "JSON.stringify([...document.querySelectorAll('[data-node]')].map((n) => [n.dataset.node, n.getAttribute('transform')]))"
    before = door.js(places)
    door.open(door.address)  # without the link: what the door kept
    assert door.js(places) == before
    door.open_afresh(link)
    assert door.js(places) == before
    assert in_python(door) == RED_DOOR


def test_fragments_and_the_literature_open_by_name(empty):
    empty.click("#open-examples")
    empty.click("#fragment-list li:nth-child(1) button")
    empty.until("document.querySelectorAll('[data-node]').length === 5")
    assert in_python(empty) == fragments()["POMDP step"]
    empty.click("#open-examples")
    empty.type("content-recommender")
    empty.click("#literature-list li:not([hidden]) button")
    empty.until("document.querySelector('[data-node=clicks]') !== null")
    from cidmesa import literature

    assert in_python(empty) == literature.load("content-recommender").cid


def test_every_control_has_a_name_and_the_tab_key_reaches_all_of_it(door):
    nameless = door.js(
        "[...document.querySelectorAll('button, input, select, textarea, [role=button]')].filter((e) => !e.closest('[hidden]')"
        " && !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.title)).map((e) => e.outerHTML)"
    )
    assert nameless == []
    spoken = door.js(f"document.querySelector({json.dumps(node('door'))}).getAttribute('aria-label')")
    assert spoken.startswith("door, chance")
    assert "for go admits value of information" in spoken
    door.click(at(760, 330))
    door.js("document.querySelector('#canvas').focus()")
    order = []
    for _ in range(6):
        door.key("Tab")
        order.append(door.js("document.activeElement.dataset.node ?? ''"))
    ids = {v: i for i, v in enumerate(order)}
    assert set(order) == set(RED_DOOR.nodes)
    assert all(ids[t] < ids[h] for t, h in RED_DOOR.edges)


CONTRAST = """(() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const paper = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; }
    return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility?.({ visibilityProperty: true, opacityProperty: true }) || e.closest('.hush, dialog:not([open]), script, :disabled')) continue;
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const svg = e.closest('[data-node]');
    const ink = parse(svg ? getComputedStyle(e).fill : getComputedStyle(e).color);
    const back = svg ? parse(getComputedStyle(svg.querySelector(e.matches('.badge-text') ? '.badge' : '.body')).fill) : paper(e);
    const [a, b] = [light(ink), light(back)].sort((p, q) => q - p);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push([e.className?.baseVal ?? e.className, e.textContent.trim().slice(0, 30), ((a + 0.05) / (b + 0.05)).toFixed(2)]);
  }
  return poor;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_aa(door, scheme):
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    door.call("Emulation.setEmulatedMedia", features=features)
    assert door.js(CONTRAST) == []
    door.click("#tab-mesa")
    door.click('[data-key="target-at_red"]')
    assert door.js(CONTRAST) == []
    door.click("#open-help")
    assert door.js(CONTRAST) == []
    door.click("#help .close")
    moving = "[...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).transitionDuration !== '0s').length"
    assert door.js(moving) == 0
    door.call("Emulation.setEmulatedMedia", features=[])


def test_it_fits_a_phone_and_answers_to_fingers(tmp_path):
    address = Path(explore(path=tmp_path / "explorer.html")).as_uri()
    with Browser(tmp_path, width=390, height=844, touch=True) as phone:
        phone.open(address)
        assert phone.js("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        seen = (
            "[...document.querySelectorAll('[data-node] .body')].every((b) => { const r = b.getBoundingClientRect();"
            " const s = document.querySelector('#legend').getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth && r.bottom <= s.top; })"
        )
        assert phone.js(seen)
        x, y = phone.middle(f"{node('at_red')} .label")
        before = phone.js(f"document.querySelector({json.dumps(node('at_red'))}).getAttribute('transform')")
        phone.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        for i in range(1, 5):
            phone.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x - 6 * i, "y": y}])
        phone.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        phone.painted()
        assert phone.js(f"document.querySelector({json.dumps(node('at_red'))}).getAttribute('transform')") != before
        zoom = phone.js("document.querySelector('#zoom-level').textContent")
        two = lambda d: [{"x": 200 - d, "y": 250}, {"x": 200 + d, "y": 250}]  # noqa: E731
        phone.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=two(40))
        phone.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=two(70))
        phone.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        phone.painted()
        assert phone.js("document.querySelector('#zoom-level').textContent") != zoom
        assert phone.errors == []
