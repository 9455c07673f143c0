"""Documents: what the shell commands print and the pages show.

Each function takes an object and returns a :class:`.Document`; tables come from its plain data
(:mod:`cidmesa.reports.data`), pictures from :mod:`cidmesa.reports.pictures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cidmesa._version import __version__
from cidmesa.diagram import CID
from cidmesa.documents.blocks import Block, Figure, Heading, Paragraph
from cidmesa.documents.document import Document
from cidmesa.documents.sections import diagram
from cidmesa.documents.sections.words import interval, number
from cidmesa.mesa.candidates.ranking import STABLE, percent
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM
from cidmesa.reports import data, pictures
from cidmesa.shown import Cell, Table

if TYPE_CHECKING:
    from cidmesa.agents import Agents
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.derive import Family

_MOST_PICTURES = 8
_MOST_NODES = 60
"""Pictures with more nodes than that are left out of reports: nobody could read them there."""

FOOTER = f"Made by cidmesa {__version__}."


def overview(obj: CID | CIM | TrainingSetup, title: str, story: str = "") -> Document:
    """Describe a diagram, model or setup: its nodes, their parents and values, the deployments, a picture."""
    cid = obj if isinstance(obj, CID) else obj.cid
    model = obj if isinstance(obj, CIM) else obj.model if isinstance(obj, TrainingSetup) else None
    blocks: list[Block] = [Paragraph(text) for text in paragraphs(story)]
    blocks += _drawn([cid], [pictures.diagram_picture(cid)] if _readable(cid) else [])
    rows: list[tuple[Cell | str, ...]] = []
    for node in cid.nodes:
        values = "" if model is None or cid.kind(node) == "utility" else ", ".join(map(str, model.domain(node)))
        agent = f" of {cid.agent_of(node)}" if len(cid.agents) > 1 and cid.kind(node) != "chance" else ""
        parents = ", ".join(f"`{p}`" for p in cid.parents(node)) or Cell("–", "muted")
        rows.append((f"`{node}`", cid.kind(node) + agent, parents, values))
    blocks.append(Table(("node", "kind", "parents", "values"), tuple(rows), caption="Nodes"))
    if isinstance(obj, TrainingSetup):
        blocks += diagram.setup_table(data.setup_data(obj))
    return Document(title, tuple(blocks), footer=FOOTER)


def incentive_document(cid: CID, title: str) -> Document:
    """Tabulate and draw the incentives of a diagram."""
    blocks = _drawn([cid], [pictures.diagram_picture(cid)] if _readable(cid) else [])
    return Document(title, (*blocks, *diagram.incentive_tables(data.incentive_data(cid))), footer=FOOTER)


def setup_figures(setup: TrainingSetup) -> list[Block]:
    """Draw the base diagram with its incentives, and the base optimizer's beside it."""
    drawn, words = [], []
    if _readable(setup.cid):
        drawn.append(pictures.diagram_picture(setup.cid, "The base diagram"))
        words.append("A ring around a node is an incentive of the decision; dotted links are what it observes.")
    if len(setup.cid) * (len(setup.deployments) + 1) <= 2 * _MOST_NODES:
        drawn.append(pictures.optimizer_picture(setup))
        words.append(
            "The base optimizer makes one decision, the parameters θ, and is paid in training only. Its diagram has a "
            "copy of the base diagram for training and for each deployment, and an instrumental control incentive on "
            "a deployment exactly where data from there return to training."
        )
    return [Figure(tuple(drawn), " ".join(words))] if drawn else []


def inside_figures(setup: TrainingSetup) -> list[Block]:
    """Draw the learned algorithm in the place of its decision, where the setup says what is inside."""
    if not setup.learned or not _readable(setup.spliced):
        return []
    words = (
        "The learned algorithm in the place of the decision that it computes. A decision in the frame is one that the "
        "algorithm makes inside, for a utility of its own; rings are its incentives."
    )
    return [Figure((pictures.spliced_picture(setup),), words)]


def main_figure(family: Family) -> list[Block]:
    """Draw the base diagram beside that of the first rival: the picture that tells the story."""
    base = family.setup.cid
    if not _readable(base):
        return []
    rivals = [c for c in family.hypotheses if "identical" not in c.positions][:1]
    drawn = [pictures.diagram_picture(base, "Base"), *(pictures.mesa_picture(c, legend=False) for c in rivals)]
    words = "The base diagram" + (" and the rival that training does not exclude" if rivals else "")
    return [Figure(tuple(drawn), f"{words}. A ring around a node is an incentive; dotted links are observations.")]


def family_figures(family: Family) -> list[Block]:
    """Draw the base diagram beside those of the hypotheses that are left."""
    base = family.setup.cid
    if not _readable(base):
        return []
    shown = _to_draw(family)
    drawn = [pictures.diagram_picture(base, "Base"), *(pictures.mesa_picture(c, legend=False) for c in shown)]
    words = (
        "The base diagram and the mesa diagrams of the hypotheses that training does not exclude. Violet: new against "
        "the base; dashed grey: links that this optimizer has no use for. Below a node: the kind of shift that its "
        "mechanism makes, and incentives that the base does not have."
    )
    blocks: list[Block] = [Figure(tuple(drawn), words)]
    for name, deployment in family.setup.deployments.items():
        if deployment.edges and shown:
            there = tuple(pictures.mesa_picture(c, name, legend=False) for c in shown)
            blocks.append(Figure(there, f"The same in `{name}`, which has links of its own."))
    return blocks


def ranking_table(found: Mapping[str, Any]) -> list[Block]:
    """Tabulate a ranking with the prior that it rests on."""
    if "ranking" not in found:
        return []
    prior = ", ".join(f"{name} {value:g}" for name, value in found["ranking"]["prior"].items())
    rows: list[tuple[Cell | str, ...]] = [
        (
            ", ".join(f"`{t}`" for t in row["targets"]),
            _share(row["range"]),
            number(row["complexity"]),
            number(row["training_regret"]),
        )
        for row in found["ranking"]["rows"]
    ]
    words = [
        f"Under the declared simplicity prior with {prior}. Neither the diagram nor the training signal ranks them."
    ]
    ranking = found["ranking"]
    if "why" in ranking:
        return [Heading("Ranking", 2), Paragraph(f"None: {ranking['why']}", muted=True)]
    if ranking["expected_regret"]:
        regrets = ", ".join(f"`{name}` {interval(ends)}" for name, ends in ranking["expected_regret"].items())
        words.append(f"Expected base regret: {regrets}.")
    if ranking.get("expected_intended_regret"):
        meant = ", ".join(f"`{name}` {interval(ends)}" for name, ends in ranking["expected_intended_regret"].items())
        words.append(f"Expected regret by `{found['intended']}`, which is intended: {meant}.")
    others = ", ".join(
        f"{' and '.join(f'`{t}`' for t in names)} with {change}" for change, names in ranking["contenders"].items()
    )
    words += [f"Not settled: {caveat}." for caveat in ranking["caveats"]]
    if others:
        words.append(f"Another would come first: {others}.")
    elif not ranking["caveats"]:
        words.append(f"{STABLE[0].upper()}{STABLE[1:]}.")
    return [Table(("target", "posterior", "bits", "training regret"), tuple(rows), "lrrr", "Ranking", " ".join(words))]


def _share(ends: Sequence[float]) -> str:
    low, high = map(percent, ends)
    return low if low == high else f"{low} to {high}"


def _to_draw(family: Family) -> Sequence[MesaOptimizer]:
    return family.hypotheses[:_MOST_PICTURES]


def _drawn(cids: Sequence[CID], drawn: Sequence[Any], caption: str = "") -> list[Block]:
    return [Figure(tuple(drawn), caption)] if drawn and all(map(_readable, cids)) else []


def _readable(cid: CID) -> bool:
    return 0 < len(cid) <= _MOST_NODES


def paragraphs(text: str) -> list[str]:
    """Split a text at empty lines and join the lines of each part."""
    return [" ".join(part.split()) for part in text.strip().split("\n\n") if part.strip()]


def population_tables(agents: Agents) -> list[Block]:
    """Tabulate what a population does: the mean probability of each action in each context, and how agents differ."""
    model = agents.recipe.model
    blocks: list[Block] = []
    for decision in model.cid.decisions:
        chances = agents.probabilities(decision)
        parents = model.cid.parents(decision)
        actions = [f"`{action}`" for action in model.domain(decision)]
        rows: list[tuple[Cell | str, ...]] = [
            (*map(str, context), *(f"{chances[:, i, a].mean():.3f}" for a in range(len(actions))))
            for i, context in enumerate(model.contexts(decision))
        ]
        columns = (*(f"`{parent}`" for parent in parents), *actions)
        align = "l" * len(parents) + "r" * len(actions)
        caption = f"What {len(agents)} agents do at `{decision}`"
        blocks.append(Table(columns, tuple(rows), align, caption, "Mean probability of each action over the agents."))
    return blocks
