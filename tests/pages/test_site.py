"""The documentation, built and opened: no lost link, no error, a search that finds, room on a phone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.explorer.browser import CHROMIUM, Browser
from tests.strategies import FULL

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.skipif(not FULL, reason="builds the documentation: full profile")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("furo")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", f"{out}-state"]
    done = subprocess.run([*command, str(DOCS), str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return out


class Links(HTMLParser):
    """What a page leads to, and the places in it that can be led to."""

    def __init__(self) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        self.leads += [found[name] for name in ("href", "src") if name in found]


def test_no_link_and_no_picture_is_lost(site: Path) -> None:
    pages = {path: Links() for path in site.rglob("*.html")}
    assert len(pages) > 30
    for path, links in pages.items():
        links.feed(path.read_text(encoding="utf-8"))
    lost = [f"{path.relative_to(site)}: {lead}" for path, lead in _inner(pages) if not _is_there(path, lead, pages)]
    assert lost == []


def _inner(pages: dict[Path, Links]) -> Iterator[tuple[Path, str]]:
    for path, links in pages.items():
        yield from ((path, lead) for lead in links.leads if not re.match(r"[a-z+]+:|//", lead))


def _is_there(path: Path, lead: str, pages: dict[Path, Links]) -> bool:
    name, _, place = lead.partition("#")
    target = (path.parent / unquote(name.partition("?")[0])).resolve() if name else path
    if place and target in pages and target.name != "explorer-page.html":
        return unquote(place) in pages[target].places
    return target.exists()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_pages_open_without_an_error_and_fit_a_phone(site: Path, tmp_path: Path) -> None:
    with Browser(tmp_path, width=390, height=800) as browser:
        for name in ("index", "your-own-system", "theory", "reference/api/incentives", "draw", "report"):
            browser.call("Page.navigate", url=(site / f"{name}.html").as_uri())
            browser.until("document.readyState === 'complete'")
            wide = browser.js("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 1, (name, wide)
            broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
            assert browser.js(broken) == []
        assert browser.errors == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_search_finds_a_function(site: Path, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.call("Page.navigate", url=(site / "search.html").as_uri() + "?q=admits_voi")
        browser.until("document.querySelectorAll('#search-results li').length > 0")
        found = browser.js("[...document.querySelectorAll('#search-results li')].map(e => e.textContent).join(' ')")
        assert "cidmesa.admits_voi" in found
        assert browser.errors == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_text_can_be_read_in_the_dark(site: Path, tmp_path: Path) -> None:
    light = "(c => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 765)"
    with Browser(tmp_path) as browser:
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        browser.call("Page.navigate", url=(site / "your-own-system.html").as_uri())
        browser.until("document.readyState === 'complete'")
        assert browser.js(f"{light}(getComputedStyle(document.body).backgroundColor)") < 0.3
        words = "getComputedStyle(document.querySelector('article p')).color"
        assert browser.js(f"{light}({words})") > 0.6
        labels = "[...document.querySelectorAll('article svg text')].map(e => getComputedStyle(e).fill)"
        shapes = "[...document.querySelectorAll('article svg')].length"
        assert browser.js(shapes) >= 3
        assert browser.js(f"{labels}.length") > 3
