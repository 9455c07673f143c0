"""The page as a file: one, small, whole, and nothing in it from elsewhere; and the command that writes it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa import literature
from cidmesa.cli import main
from cidmesa.errors import NotApplicableError
from cidmesa.explorer import explore, fragments
from cidmesa.explorer.page import script


class Addresses(HTMLParser):
    """Collects every address that a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.found += [v for k, v in attrs if k in {"src", "href", "data", "poster", "action"} and v]


def data_of(page: str) -> dict:
    found = re.search(r"<script>globalThis\.CIDMESA = (.*);</script>", page)
    assert found is not None
    return json.loads(found[1])


def test_it_is_one_small_file_that_loads_nothing() -> None:
    page = explore()
    assert len(page.encode()) <= 400_000
    reader = Addresses()
    reader.feed(page)
    assert set(reader.found) == {"#panel", "data:,"}
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert "{{" not in re.sub(r"(?s)<script>.*</script>", "", page)


def test_the_modules_become_one_script_without_imports(tmp_path: Path) -> None:
    assert not re.search(r"^(import|export)\b", script(), re.MULTILINE)
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    file = tmp_path / "script.js"
    file.write_text(script(), encoding="utf-8")
    subprocess.run([node, "--check", str(file)], check=True)


def test_a_page_starts_with_its_diagram_whatever_names_it_has() -> None:
    cid = cm.CID([("</script><b>", "d"), ("d", "u")], decisions=["d"], utilities=["u"])
    start = data_of(explore(cid, title="<b>"))["start"]
    assert [one["name"] for one in start["nodes"]] == list(cid.nodes)
    assert start["links"] == [list(edge) for edge in cid.edges]
    assert "<title>&lt;b&gt; · cidmesa explorer</title>" in explore(cid, title="<b>")
    setup = cm.gallery.load("red-door").setup
    assert len(data_of(explore(setup))["start"]["nodes"]) == len(setup.cid)


def test_what_has_no_diagram_is_refused() -> None:
    with pytest.raises(NotApplicableError, match="explore"):
        explore(3)


def test_it_offers_the_fragments_and_every_diagram_of_the_literature() -> None:
    data = data_of(explore())
    assert [one["title"] for one in data["fragments"]] == list(fragments())
    assert [one["name"] for one in data["literature"]] == list(literature.names())
    assert {"POMDP step", "RLHF block", "Reward register", "Recommender", "Red door"} == set(fragments())
    assert all(cid.decisions and cid.utilities for cid in fragments().values())


def test_the_command_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explore"]) == 0
    assert (tmp_path / "explorer.html").stat().st_size <= 400_000
    assert main(["explore", "red-door", "-o", "door.html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1])["written"] == "door.html"
    assert main(["explore", "content-recommender", "-o", "posts.html"]) == 0
    assert "clicks" in str(data_of((tmp_path / "posts.html").read_text(encoding="utf-8"))["start"])
    cm.write(cm.CID([("a", "b")], decisions=["b"]), "mine.cid.yaml")
    assert main(["explore", "mine.cid.yaml", "-o", "mine.html"]) == 0
    assert main(["explore", "nothing-like-it"]) == 2
    assert "cidmesa list" in capsys.readouterr().err
