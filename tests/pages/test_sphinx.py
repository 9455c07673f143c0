"""The Sphinx extension: small projects, built by several workers, in HTML, LaTeX and text."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

CONF = 'project = "p"\nextensions = ["cidmesa.render.sphinx", "myst_parser"]\nhtml_theme = "basic"\nnumfig = True\n'

REST = """
Title
=====

.. cid::
   :caption: Who goes where, with ``code``
   :name: doors

   door -> [go] -> <reward>
   door -> reward      # what is paid

See :numref:`doors`.

.. cid:: red-door
   :view: base mesa:at_red
   :deployment: repainted
   :overlay: ici
   :alt: Two panels.

.. incentives::

   x -> [d] -> <u>
   x -> u
"""

MYST = """
# Other

```{cid} two.cid.yaml
:view: spliced
:caption: The inside of *d*
```

```{cid}
edges: [[a, b], [b, c]]
utilities: [c]
```

```{incentives} content-recommender
```
"""

FILE = """cidmesa: 1
edges: [[x, d], [d, u], [x, u]]
decisions: [d]
utilities: [u]
deployments: {}
learned:
  d: {edges: [[x, feature], [feature, d]]}
"""


def project(folder: Path, **documents: str) -> Path:
    (folder / "conf.py").write_text(CONF, encoding="utf-8")
    (folder / "two.cid.yaml").write_text(FILE, encoding="utf-8")
    names = "\n".join(f"   {Path(name).stem}" for name in documents)
    (folder / "index.rst").write_text(f"Index\n=====\n\n.. toctree::\n\n{names}\n", encoding="utf-8")
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def build(source: Path, builder: str = "html", workers: int = 1) -> tuple[Path, str]:
    """Build as the command does; return the folder and what was said, warnings too."""
    from sphinx.cmd.build import build_main

    out = source / "_build" / builder
    said = io.StringIO()
    words = ["-b", builder, "-j", str(workers), "-d", str(source / "_trees"), str(source), str(out)]
    with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        warnings.simplefilter("ignore")  # those of Sphinx's own neighbours are not ours
        build_main(words)
    return out, said.getvalue()


class Pictures(HTMLParser):
    """Collects ids, and what each picture says of itself."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.roles: list[str] = []
        self.told: list[str] = []
        self._in_told = False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.roles += [found.get("role", "")] if tag == "svg" else []
        self._in_told = tag == "desc"

    def handle_data(self, data: str) -> None:
        if self._in_told:
            self.told.append(data)
        self._in_told = False


def test_a_project_of_rest_and_myst_is_built_by_several_workers(tmp_path: Path) -> None:
    source = project(tmp_path, **{"one.rst": REST, "two.md": MYST, "three.rst": REST.replace(":name: doors", ""
        ).replace("See :numref:`doors`.", ""), "four.md": MYST})  # fmt: skip
    out, said = build(source, workers=3)
    assert "build succeeded." in said, said
    assert "not safe for parallel" not in said
    one = Pictures(out / "one.html")
    assert len(one.roles) == 3
    assert len(one.ids) == len(set(one.ids))
    assert one.told[0].startswith("chance: door; decision: go; utility: reward; links: door to go")
    assert one.told[1:] == ["Two panels.", "Two panels."]
    page = (out / "one.html").read_text(encoding="utf-8")
    assert "Fig. 1" in page
    assert '<code class="docutils literal notranslate">' in page
    assert "cid-ici" in page
    assert "Incentives of" in page
    assert page.count("<table") == 1
    two = (out / "two.html").read_text(encoding="utf-8")
    assert "inside d" in two
    assert "<em>d</em>" in two
    assert "Incentives of" in two


def test_what_has_not_changed_is_not_read_again_and_what_has_is(tmp_path: Path) -> None:
    source = project(tmp_path, **{"two.md": MYST})
    build(source)
    assert "0 added, 0 changed, 0 removed" in build(source)[1]
    (source / "two.cid.yaml").write_text(FILE.replace("feature", "trait"), encoding="utf-8")
    out, said = build(source)
    assert "1 changed" in said, said
    assert "trait" in (out / "two.html").read_text(encoding="utf-8")


WRONG = """
Title
=====

.. cid::

   a -> [d]

   d - b

.. cid:: red-dor

.. cid::
   :view: twin

   a -> b

.. cid:: red-door

   a -> b

.. incentives:: content-recommender
   :decision: pst

.. cid::
   :decisions: d

   cidmesa: 1
   edges: [[a, d],
     [d, a]]

.. cid::

   a -> b -> a
"""


def test_errors_point_to_the_line_of_the_document(tmp_path: Path) -> None:
    source = project(
        tmp_path,
        **{
            "one.rst": WRONG,
            "two.md": "# T\n\ntext\n\n```{cid}\na -> [d]\n[d - b\n```\n\n```{cid}\n:view: base\n\na - b\n```\n",
        },
    )
    _, said = build(source)
    found = {(int(line), words) for line, words in re.findall(r"one\.rst:(\d+): ERROR: (.*)", said)}
    lines = dict(found)
    assert sorted(lines) == [9, 11, 13, 18, 22, 29, 34], said
    assert "`d - b` is no link" in lines[9]
    assert "did you mean `red-door`" in lines[11]
    assert "no decision" in lines[13]
    assert "a name or a diagram, not both" in lines[18]
    assert "`pst` is no decision of this diagram (did you mean" in lines[22]
    assert "cycle" in lines[29]
    assert "cycle" in lines[34]
    assert re.search(r"two\.md:7: ERROR: cid: `\[d - b` opens with \[", said), said
    assert re.search(r"two\.md:13: ERROR: cid: `a - b` is no link", said), said


def test_latex_gets_tikz_that_compiles_and_text_gets_words(tmp_path: Path) -> None:
    source = project(tmp_path, **{"one.rst": REST})
    out, said = build(source, "latex")
    tex = (out / "p.tex").read_text(encoding="utf-8")
    assert "build succeeded" in said
    assert tex.count(r"\begin{tikzpicture}") == 3
    assert r"\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}" in tex
    assert r"\usepackage{tikz}" in tex
    words, said = build(source, "text")
    assert "build succeeded" in said
    text = (words / "one.txt").read_text(encoding="utf-8")
    assert "[chance: door; decision: go; utility: reward;" in " ".join(text.split())
    if shutil.which("pdflatex") and has("tgtermes.sty") and has("fncychap.sty"):
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "p.tex"], cwd=out,
                              capture_output=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def has(file: str) -> bool:
    return bool(subprocess.run(["kpsewhich", file], capture_output=True, check=False).stdout)
