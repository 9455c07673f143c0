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
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth};
  document.body.innerHTML = "<pre>" + JSON.stringify(measured) + "</pre>";
});
</script></body>"""


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
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", MEASURE), encoding="utf-8")
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},2000", "--virtual-time-budget=2000", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r"<pre>(.*?)</pre>", dom)
    assert found is not None
    measured = json.loads(found[1])
    assert measured["pictures"] >= 2
    assert measured["lost"] == []
    assert measured["sideways"] <= 0
