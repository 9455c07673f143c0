"""Results in a notebook: every one shows itself as a table or a picture, and a page there has no script."""

from __future__ import annotations

from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

CELLS = (
    """
import cidmesa as cm
base = cm.CID([("light", "press"), ("light", "lamp"), ("press", "heard"), ("press", "pay"), ("lamp", "pay")],
              decisions=["press"], utilities=["pay"])
model = base.parameterise(light=cm.Bernoulli(.5), lamp=lambda light: light, press=[0, 1],
                          heard=lambda press: press, pay=lambda press, lamp: int(press == lamp))
setup = cm.TrainingSetup(model, deployments={"broken": {"lamp": lambda light: 1 - light}})
family = cm.derive_mesa_optimizers(setup)
base
""",
    "cm.incentives(base)",
    "model.solve()",
    "setup",
    "family",
    "family['pay']",
    "family.predictions()",
    "cm.report(family, title='A lamp')",
    "cm.report(family, title='A lamp').show()",
)


@pytest.fixture(scope="module")
def shown() -> list[dict[str, Any]]:
    """What each cell of a notebook shows: media type → text."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [dict(cell.outputs[-1]["data"]) for cell in notebook.cells]


@pytest.mark.parametrize("cell", range(len(CELLS)))
def test_every_result_shows_itself(shown: list[dict[str, Any]], cell: int) -> None:
    rich = {kind: text for kind, text in shown[cell].items() if kind in {"text/html", "image/svg+xml"}}
    assert rich
    assert all("<script" not in text for text in rich.values())


def test_incentives_are_rings_on_the_diagram(shown: list[dict[str, Any]]) -> None:
    page = shown[1]["text/html"]
    assert page.count("<svg") == 1
    assert "cid-ring" in page or "cid-voi" in page


def test_the_table_of_a_family_can_be_sorted_without_scripts(shown: list[dict[str, Any]]) -> None:
    page = shown[4]["text/html"]
    assert page.count('type="radio"') >= 4
    assert "order:var(--c0)" in page
    assert page.count("--c0:") == page.count('<tr role="row"')
