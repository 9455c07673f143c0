"""The README, the documents and the examples: their code runs, and their links lead somewhere."""

from __future__ import annotations

import doctest
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENTS = [path for path in DOCUMENTS if "_build" not in path.parts]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_relative_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
    made = {"explorer-page.html"}  # as the documentation is built
    inner = [t for t in targets if not t.startswith(("http://", "https://")) and t not in made]
    lost = [t for t in inner if not (document.parent / t).exists()]
    assert lost == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.stem)
def test_examples_run(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")


def test_experiments_run_on_a_small_scale(capsys: pytest.CaptureFixture[str]) -> None:
    experiment = runpy.run_path(str(ROOT / "experiments" / "red_door_entropy.py"))
    experiment["main"](["--seeds", "5", "6", "--entropies", "0.5", "--agents", "3", "--steps", "20"])
    rows = capsys.readouterr().out.splitlines()
    assert rows[1].split() == ["entropy", "delta", "seed", "5", "seed", "6"]
    assert [row.split()[:2] for row in rows[2:]] == [["0.5", "0"], ["0.5", "0.02"], ["0.5", "0.1"]]
    assert all(0 <= int(count) <= 3 for row in rows[2:] for count in row.split()[2:])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_examples_in_documents_print_what_they_say(document: Path) -> None:
    text = re.sub(r"^```.*$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, document.name, str(document), 0)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed == 0


def test_the_readme_shows_the_example_as_it_is() -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    example = (ROOT / "examples" / "red_door.py").read_text(encoding="utf-8")
    code = example.split('"""', 2)[2].strip()
    assert code in [block.strip() for block in shown]
