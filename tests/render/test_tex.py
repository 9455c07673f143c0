"""TikZ: by itself and in cid-latex's macros, compiled by pdflatex and lualatex where these are installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cidmesa as cm
from cidmesa.documents.blocks import Figure, Paragraph
from cidmesa.documents.document import Document
from cidmesa.render import Picture, render, spec_of
from cidmesa.render.latex import escaped, line
from cidmesa.reports.pictures import optimizer_picture
from tests.strategies import examples

CID = cm.CID(
    [("S_1", "A"), ("S_1", "S_2"), ("A", "S_2"), ("S_2", "R_t"), ("S_1", "R_t"), ("50 % & π", "R_t"), ("u", "S_1"),
     ("u", "R₁"), ("R₁", "R_t"), ("語 é #", "A")],
    decisions=["A"],
    utilities=["R_t"],
    latent=["u"],
)  # fmt: skip
PICTURE = Picture(
    spec_of(
        CID,
        title="A_1: 50 % of π",
        rings={"voi": ["S_1"], "voc": ["R_t"], "ici": ["S_2", "R_t"]},
        labels={"S_2": r"$\theta_{t+1}^2$", "A": "a long label of a decision that wraps"},
        notes={"S_1": "context shift\nnew: VoI"},
        groups={"the world": ["S_1", "S_2"]},
        proof=["A", "S_2", "R_t"],
        against=CID.without_edges(("S_1", "A")),
    ),
    "own",
)
GOLDEN = Path(__file__).parent / "golden"
STYLE = GOLDEN / "influence-diagrams.sty"


FORMATS: dict[str, Callable[[Picture], str]] = {
    "svg": lambda picture: picture.svg,
    "dot": lambda picture: picture.dot + "\n",
    "mmd": lambda picture: picture.mermaid + "\n",
    "json": lambda picture: json.dumps(asdict(picture.spec), indent=1, ensure_ascii=False) + "\n",
}


@pytest.mark.parametrize("ending", FORMATS)
def test_a_rich_picture_in_every_format_is_as_it_was(ending: str) -> None:
    """To be renewed on purpose only: ``FORMATS[ending](PICTURE)`` is what the files hold."""
    assert FORMATS[ending](PICTURE) == (GOLDEN / f"rich.{ending}").read_text(encoding="utf-8")


def test_a_picture_in_golden_tikz() -> None:
    small = cm.CID([("S_1", "act"), ("act", "pay"), ("S_1", "pay")], decisions=["act"], utilities=["pay"])
    text = Picture(spec_of(small, rings={"voi": ["S_1"]}, legend=False), "own").tikz
    assert text == (GOLDEN / "small.tex").read_text(encoding="utf-8").rstrip("\n")


def test_a_picture_in_the_golden_macros_of_cid_latex() -> None:
    small = cm.CID([("S_1", "act"), ("act", "pay"), ("S_1", "pay")], decisions=["act"], utilities=["pay"])
    text = Picture(spec_of(small, rings={"voi": ["S_1"], "ici": ["pay"]}), "own").influence_diagram
    assert text == (GOLDEN / "small.cid.tex").read_text(encoding="utf-8").rstrip("\n")


def test_curves_dashes_and_legend_are_kept() -> None:
    text = PICTURE.tikz
    assert text.count(r"\draw[latent]") == 2  # and the legend's
    assert text.count(r"\draw[proof]") == 3
    assert ".. controls" in text
    assert "ring voc/.style={draw=cidvoc, fill=none, line width=1.3pt, dash pattern=on 5.0pt off 2.1pt}" in text
    for words in ("value of information", "common cause that nobody sees", "the path that proves it"):
        assert f"{{{words}}};" in text
    assert "outer sep=" in next(row for row in text.splitlines() if "(n0)" in row)


def test_the_ending_chooses_the_macros(tmp_path: Path) -> None:
    plain, macros = (render(CID, tmp_path / name, engine="own") for name in ("p.tex", "p.cid.tex"))
    assert isinstance(plain, Path)
    assert isinstance(macros, Path)
    assert r"\begin{tikzpicture}" in plain.read_text(encoding="utf-8")
    assert r"\begin{influence-diagram}" in macros.read_text(encoding="utf-8")


@settings(max_examples=examples(quick=100, full=1500))
@given(text=st.text(st.characters(blacklist_categories=("Cs",)), max_size=30))
def test_no_letter_that_pdflatex_lacks_is_written_and_braces_are_balanced(text: str) -> None:
    for written in (escaped(text), *map(line, text.split("\n"))):
        assert all(letter.isprintable() and ord(letter) < 0x180 for letter in written)
        bare = re.sub(r"\\[{}$]", "", written)
        assert bare.count("{") == bare.count("}")
        assert bare.count("$") % 2 == 0


def compiled(program: str, folder: Path, body: str, packages: str) -> str:
    """Return the words of the page that `program` makes of `body`."""
    tex = folder / "page.tex"
    tex.write_text(
        f"\\documentclass{{article}}\n{packages}\n\\begin{{document}}\n{body}\n\\end{{document}}\n", encoding="utf-8"
    )
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", tex.name], cwd=folder, capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    log = (folder / "page.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-3000:]
    assert "Missing character" not in log
    return log


PLAIN = r"\usepackage{amssymb, tikz}\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}"


@pytest.mark.parametrize("program", ["pdflatex", "lualatex"])
def test_tikz_compiles(program: str, tmp_path: Path) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    model = cm.gallery.load("red-door").setup.model
    assert model is not None
    bars = render(model, show="marginals", policy="optimal", engine="own")
    assert isinstance(bars, Picture)
    compiled(program, tmp_path, PICTURE.tikz + "\n\n" + bars.tikz, PLAIN)


@pytest.mark.parametrize("program", ["pdflatex", "lualatex"])
def test_the_macros_compile_with_the_style_of_cid_latex(program: str, tmp_path: Path) -> None:
    if not shutil.which(program) or not found("tikzlibrarybayesnet.code.tex"):
        pytest.skip(f"{program} or tikz-bayesnet is not installed")
    shutil.copy(STYLE, tmp_path)
    compiled(program, tmp_path, PICTURE.influence_diagram, r"\usepackage{amssymb, influence-diagrams}")


def found(file: str) -> bool:
    return bool(subprocess.run(["kpsewhich", file], capture_output=True, check=False).stdout)


def test_the_fragment_of_a_report_fits_the_page(tmp_path: Path) -> None:
    """TeX says of every line that is too wide that it is overfull, and of a float that it is too large."""
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    twin = optimizer_picture(cm.gallery.load("red-door").setup, engine="own")
    document = Document("A report", (Paragraph("Words."), Figure((twin,), "The twin"), Figure((PICTURE,) * 4, "Four")))
    log = compiled("pdflatex", tmp_path, document.latex, PLAIN + r"\usepackage{array, booktabs}")
    assert "Float too large" not in log
    assert "Overfull" not in log
