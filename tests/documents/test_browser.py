"""The page in a real browser, where there is one: nothing is cut off, all text is in its box."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa import shown
from cidmesa.reports import report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

MEASURE = """<script>
addEventListener("load", () => {
  const lost = [];
  for (const picture of document.querySelectorAll("svg")) {
    const canvas = picture.getBoundingClientRect();
    for (const text of picture.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (box.left < canvas.left - 1 || box.right > canvas.right + 1 || box.top < canvas.top - 1
          || box.bottom > canvas.bottom + 1 || box.width === 0) lost.push(text.textContent);
    }
    for (const body of picture.querySelectorAll(".cid-node")) {
      const label = body.nextElementSibling;
      if (label && label.tagName === "text"
          && label.getBoundingClientRect().width > body.getBoundingClientRect().width) lost.push(label.textContent);
    }
  }
  const measured = {pictures: document.querySelectorAll("svg").length, lost,
    height: document.documentElement.scrollHeight,
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth};
  document.body.innerHTML = "<pre>" + JSON.stringify(measured) + "</pre>";
});
</script></body>"""


def opened(page: str, width: int, folder: Path) -> Any:
    """Open a page whose script leaves what it found in a `pre`, in a window of so many pixels, and return that."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},2000", "--virtual-time-budget=2000", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r"<pre>(.*?)</pre>", dom)
    assert found is not None
    return json.loads(found[1])


def measure(page: str, width: int, folder: Path) -> dict[str, Any]:
    """Return what a page measures of itself in a window of so many pixels."""
    measured: dict[str, Any] = opened(page.replace("</body>", MEASURE), width, folder)
    return measured


@pytest.mark.parametrize("width", [1400, 500])
def test_nothing_is_cut_off_or_scrolls_sideways(width: Any, tmp_path: Path) -> None:
    cid = cm.CID(
        [
            ("a_rather_long_name", "choice"),
            ("choice", "WWWWWWWW"),
            ("WWWWWWWW", "pay"),
            ("choice", "ill"),
            ("ill", "pay"),
        ],
        decisions=["choice"],
        utilities=["pay"],
    )
    model = cid.parameterise(
        a_rather_long_name=cm.Bernoulli(0.5), choice=[0, 1], WWWWWWWW=lambda choice: choice, ill=lambda choice: choice,
        pay=lambda WWWWWWWW, ill: WWWWWWWW + ill,
    )  # fmt: skip
    setup = cm.TrainingSetup(model, deployments={"another world": {"ill": lambda choice: 1 - choice}})
    page = report(cm.derive_mesa_optimizers(setup), title="A page").html
    assert page.endswith("</body>\n</html>\n")
    measured = measure(page, width, tmp_path)
    assert measured["pictures"] >= 2
    assert measured["lost"] == []
    assert measured["sideways"] <= 0


@pytest.fixture(scope="module")
def red_door() -> str:
    """The whole report on a few agents of the red door."""
    pytest.importorskip("torch")
    family = cm.gallery.load("red-door").family("delta=0")
    agents = cm.train(family.setup, family=family, learner="exact", agents=3, steps=20, progress=False)
    return cm.validate(family, agents, retrain=False, progress=False).to_html()


def test_folded_the_report_is_a_few_screens(red_door: str, tmp_path: Path) -> None:
    measured = measure(red_door, 1280, tmp_path)
    assert measured["height"] <= 8000
    assert measured["sideways"] <= 0


def test_unfolded_on_a_phone_nothing_scrolls_sideways(red_door: str, tmp_path: Path) -> None:
    opened = red_door.replace("<details>", "<details open>")
    assert measure(opened, 500, tmp_path)["sideways"] <= 0
    assert "<script" not in red_door


CLICK = """<script>
addEventListener("load", () => {
  const seen = () => [...document.querySelectorAll("tbody tr")]
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
    .map(row => row.children[0].textContent);
  const before = seen();
  document.querySelectorAll("thead label")[1].click();
  const after = seen();
  const heads = [...document.querySelectorAll("thead th")].map(cell => cell.getBoundingClientRect().left);
  const cells = [...document.querySelector("tbody tr").children].map(cell => cell.getBoundingClientRect().left);
  document.body.innerHTML = "<pre>" + JSON.stringify({before, after, heads, cells}) + "</pre>";
});
</script>"""


def test_a_click_on_a_heading_sorts_a_table(tmp_path: Path) -> None:
    rows = [{"what": name, "costs": price} for name, price in (("door", 10.0), ("red", 9.0), ("go", -1.0))]
    page = shown.html(shown.as_table(rows), sortable=True)
    found = opened(f"<!DOCTYPE html><html><body>{page}{CLICK}</body></html>", 800, tmp_path)
    assert found["before"] == ["door", "red", "go"]
    assert found["after"] == ["go", "red", "door"]
    assert found["heads"] == found["cells"]  # columns stand below their headings
