"""Pictures in a real browser: the keyboard goes from node to node, each says what it has, nothing moves."""

from __future__ import annotations

from pathlib import Path

import pytest

import cidmesa as cm
from cidmesa.render import Picture, spec_of
from tests.explorer.browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

CID = cm.CID([("S_1", "act"), ("act", "pay"), ("S_1", "pay")], decisions=["act"], utilities=["pay"])
SHOWN = """[...document.querySelectorAll(".cid-tip")].filter(t => getComputedStyle(t).visibility === "visible")
  .map(t => [...t.querySelectorAll("text")].map(w => w.textContent))"""


def page(folder: Path) -> str:
    one = Picture(spec_of(CID, rings={"voi": ["S_1"], "ici": ["pay"]}, notes={"pay": "a note"}), "own").inline("one")
    two = Picture(spec_of(CID, rings={"ri": ["S_1"]}), "own").inline("two")
    file = folder / "page.html"
    head = '<!DOCTYPE html><html lang="en" data-ready="yes"><title>p</title>'
    file.write_text(f"{head}<body>{one}{two}</body></html>", encoding="utf-8")
    return file.as_uri()


def test_focus_and_mouse_show_what_a_node_has_and_nothing_moves(tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(page(tmp_path))
        assert browser.js(SHOWN) == []
        seen = []
        for _ in range(6):
            browser.key("Tab")
            name = browser.js("document.activeElement.getAttribute('aria-label')")
            seen.append((name, browser.js(SHOWN)))
        assert seen == [
            ("S_1, chance; value of information", [["S1", "value of information"]]),
            ("act, decision", []),
            ("pay, utility; instrumental control incentive; a note",
             [["pay", "instrumental control incentive", "a note"]]),
            ("S_1, chance; response incentive", [["S1", "response incentive"]]),
            ("act, decision", []),
            ("pay, utility", []),
        ]  # fmt: skip
        assert browser.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        browser.js("document.activeElement.blur()")
        browser.move("#" + browser.js("document.querySelector('.cid-focus').id"))
        assert browser.js(SHOWN) == [["S1", "value of information"]]
        moving = """[...document.querySelectorAll("svg, svg *")].filter(e => {
          const s = getComputedStyle(e); return s.animationName !== "none" || s.transitionDuration !== "0s" }).length"""
        assert browser.js(moving) == 0
        inside = """[...document.querySelectorAll("svg")].every(p => {
          const c = p.getBoundingClientRect();
          return [...p.querySelectorAll("text")].map(t => t.getBoundingClientRect()).every(b => b.left >= c.left - 1
            && b.right <= c.right + 1 && b.top >= c.top - 1 && b.bottom <= c.bottom + 1);
        })"""
        assert browser.js(inside)
        assert browser.errors == []
