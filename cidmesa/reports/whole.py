"""The whole report: from the bottom line to the recipe, on one page.

The first screen holds what a reader came for: the story, the bottom line in words, the base diagram beside that of the
first rival, and what was contradicted. What follows is there for who asks, most of it folded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cidmesa import plots
from cidmesa._version import __version__
from cidmesa.documents.blocks import Beside, Block, Fold, Heading, Paragraph, Points
from cidmesa.documents.document import Document
from cidmesa.documents.sections import bottom_line, candidates, charts, comparisons, diagram, predictions, verdicts
from cidmesa.mesa.sequences.family import SequenceFamily
from cidmesa.reports import data, documents
from cidmesa.reports.sequence import require_no_agents, sequence_report
from cidmesa.shown import Cell, Table, said

if TYPE_CHECKING:
    from cidmesa.mesa.derive import Family

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Population:
    """Trained agents in a report.

    Attributes
    ----------
    report
        What came of the predictions, as plain data.
    description
        What the agents are.
    recipe
        How they came about: option → value; empty of agents that were brought.
    curve
        ``(steps, values)``: what each agent earned along its training, a row a step; ``None`` if not kept.
    """

    report: Data
    description: str = ""
    recipe: Data = field(default_factory=dict)
    curve: tuple[Sequence[float], Sequence[Sequence[float]]] | None = None


@dataclass(frozen=True)
class Arm:
    """One training distribution in a report: what was derived, and the populations that were trained on it.

    Attributes
    ----------
    name
        Of the arm; empty where there is one alone.
    family
        The derivation, for its pictures.
    found
        The same as plain data (:func:`cidmesa.reports.data.arm_data`).
    populations
        Name → population.
    """

    name: str
    family: Family
    found: Data
    populations: Mapping[str, Population] = field(default_factory=dict)


def report(
    family: Family | SequenceFamily, agents: Any = None, report: Any = None, *, title: str | None = None
) -> Document:
    """Lay out everything known of a setup as one document: diagrams, candidates, predictions, verdicts, charts.

    Parameters
    ----------
    family
        From :func:`cidmesa.derive_mesa_optimizers`; one of a sequence is reported without agents.
    agents
        The population that was judged; its recipe and learning curves are shown if it has them.
    report
        From :func:`cidmesa.validate`; without one, the derivation and what it predicts.
    title
        What the document is called.

    Returns
    -------
    Document
        ``.to_html(path)`` writes one self-contained page, ``.to_markdown``, ``.to_latex`` and ``.show()`` the rest.

    Notes
    -----
    For small setups it is also looked for what would tell hypotheses apart and what would cure them, which may take
    seconds.

    Examples
    --------
    >>> import cidmesa as cm
    >>> cid = cm.CID([("x", "act"), ("act", "pay"), ("x", "pay"), ("act", "noise")], decisions=["act"],
    ...              utilities=["pay"])
    >>> model = cid.parameterise(x=cm.Bernoulli(.5), act=[0, 1], noise=lambda act: act, pay=lambda act, x: act * x)
    >>> document = cm.report(cm.derive_mesa_optimizers(cm.TrainingSetup(model, {"bad": {"x": lambda: 0}})))
    >>> document.title, "<details>" in document.to_html()
    ('Mesa-optimizers of pay', True)
    """
    if isinstance(family, SequenceFamily):
        require_no_agents(agents, report)
        return sequence_report(family, title)
    agents = getattr(report, "population", None) if agents is None else agents
    found = data.arm_data(family, compare=True)
    populations = {}
    if report is not None:
        populations[""] = population_of(report, agents)
    named = title or getattr(report, "title", "") or f"Mesa-optimizers of {', '.join(family.setup.score)}"
    incentives = data.incentive_data(family.setup.cid)
    return whole_document(named, [Arm("", family, found, populations)], incentives)


def population_of(report: Any, agents: Any, description: str = "") -> Population:
    """Return a population with its verdicts, its recipe and its learning curve, as far as it has them."""
    earned = getattr(agents, "curve", ()) or getattr(agents, "earned", ())
    curve = None
    if earned:
        kept = earned[:: max(1, len(earned) // _MOST_STEPS)]
        curve = ([step for step, _ in kept], [values.tolist() for _, values in kept])
    plain = report if isinstance(report, Mapping) else report.to_dict()
    return Population(plain, description, data.recipe_data(agents), curve)


_MOST_STEPS = 120
"""Steps of a learning curve that are drawn."""


def whole_document(
    title: str,
    arms: Sequence[Arm],
    incentives: Data,
    *,
    subtitle: str = "",
    story: str = "",
    claims: Sequence[Data] = (),
) -> Document:
    """Lay out arms, their populations and what became of a source's claims.

    Parameters
    ----------
    title, subtitle, story
        What it is about, who told it, and how it goes; paragraphs with empty lines between.
    arms
        At least one; the pictures are of the first.
    incentives
        Of its base diagram, as plain data.
    claims
        What the source says, with verdicts; none if left out.
    """
    first = arms[0]
    told = documents.paragraphs(story)
    lead: list[Block] = [Paragraph(text) for text in told[:1]]
    lead.append(_bottom_line(arms, claims))
    picture = documents.main_figure(first.family)
    blocks: list[Block] = [Beside(tuple(lead), tuple(picture))] if picture else lead
    blocks += [Fold("The whole story", tuple(map(Paragraph, told[1:])))] if told[1:] else []
    if claims:
        blocks += [Heading("What became of the claims"), *verdicts.claim_table(claims)]
    blocks += _agents(arms)
    blocks += _derived(arms)
    blocks += _diagram(first, incentives)
    blocks += _made(arms)
    return Document(title, tuple(blocks), subtitle, footer=documents.FOOTER)


def _bottom_line(arms: Sequence[Arm], claims: Sequence[Data] = ()) -> Points:
    """Return what came out, in words: what was derived, who acts like what, what was contradicted."""
    lines: list[Cell | str] = [Cell(bottom_line.family_line(arms[0].found["family"]), "strong")]
    several = sum(len(arm.populations) for arm in arms) > 1
    against: list[Cell | str] = []
    said: list[tuple[str, str]] = []
    for arm in arms:
        for body, population in arm.populations.items():
            who = f"{_named(arm, body)}: " if several else ""
            told = bottom_line.population_lines(population.report)[: _BRIEF if several else None]
            said += [(who, line) for line in told]
            against += [Cell(who + line, "bad") for line in bottom_line.contradictions(population.report)]
    alike = several and len({line for _, line in said}) == 1  # one sentence does for all populations
    lines += [said[0][1]] if alike else [who + line for who, line in said]
    against += [Cell(f"Contradicted: {c['says']} {c['because']}.", "bad") for c in claims if c["verdict"] == _AGAINST]
    upheld = sum(c["verdict"] == "supported" for c in claims)
    if claims:
        lines.append(Cell(f"{upheld} of the {len(claims)} claims of the source are supported.", "good"))
    judged = [p for arm in arms for p in arm.populations.values() if p.report.get("one_agent") is None]
    if not against and judged:
        lines.append(Cell("No joint prediction was contradicted.", "good"))
    return Points((*lines, *against))


_BRIEF = 1
"""Sentences a population, where there are several."""
_AGAINST = "contradicted"


def _named(arm: Arm, body: str) -> str:
    return ", ".join(filter(None, (arm.name, body)))


def _diagram(first: Arm, incentives: Data) -> list[Block]:
    figures = documents.setup_figures(first.family.setup)
    found: list[Block] = [Heading("The base diagram")]
    found += diagram.setup_table(first.found["setup"])
    found += documents.inside_figures(first.family.setup)
    found.append(Fold("Who has an incentive to what", tuple(diagram.incentive_tables(incentives))))
    return [*found, Fold("The base diagram and the base optimizer's", tuple(figures))] if figures else found


def _derived(arms: Sequence[Arm]) -> list[Block]:
    """Tabulate the candidates of each arm; the pictures, comparisons and predictions are of the first."""
    first = arms[0]
    blocks: list[Block] = [Heading("The mesa-optimizers that training could have produced")]
    blocks += [Paragraph(f"Of {first.name}.")] if first.name else []
    blocks += candidates.family_tables(first.found["family"])
    chart = charts.regret_chart(first.found["family"])
    blocks += [Fold("Regret in deployment as a chart", (chart,))] if chart else []
    figures = documents.family_figures(first.family)
    blocks += [Fold("The mesa diagram of each hypothesis", tuple(figures))] if figures else []
    blocks += documents.ranking_table(first.found["family"])
    blocks += comparisons.comparison_tables(first.found["comparisons"])
    for arm in arms[1:]:
        line = bottom_line.family_line(arm.found["family"])
        blocks.append(Fold(f"{arm.name}: {line}", tuple(candidates.family_tables(arm.found["family"]))))
    if first.family.setup.model is not None:
        rows = predictions.prediction_tables(first.found["predictions"])
        stated = len(first.found["predictions"]["predictions"])
        blocks += [Heading("Predictions"), Fold(f"{stated} predictions, stated before training", tuple(rows))]
    return blocks


def _agents(arms: Sequence[Arm]) -> list[Block]:
    """Show what agents did, the first population in the open, the others folded under their bottom line."""
    found = [(arm, body, population) for arm in arms for body, population in arm.populations.items()]
    if not found:
        return []
    blocks: list[Block] = [Heading("Trained agents")]
    chart = charts.dose_chart(
        {arm.name: {body: population.report for body, population in arm.populations.items()} for arm in arms}
    )
    blocks += [] if chart is None else [chart]
    for i, (arm, body, population) in enumerate(found):
        inside = _population(population)
        if i == 0:
            blocks += [Heading(_named(arm, body), 2)] if len(found) > 1 else []
            blocks += inside
        else:
            lines = " ".join(bottom_line.population_lines(population.report)[:_BRIEF])
            blocks.append(Fold(f"{_named(arm, body)}: {lines}", tuple(inside)))
    return blocks


def _population(population: Population) -> list[Block]:
    said_of = f"{population.report['agents']} agents: {population.description}." if population.description else ""
    blocks: list[Block] = [Paragraph(said_of)] if said_of else []
    blocks += [bottom_line.population_points(population.report), *verdicts.verdict_blocks(population.report)]
    if population.curve is not None:
        steps, values = population.curve
        caption = "What the agents earned along their training, by what training scores."
        blocks.append(Fold("Learning curves", (plots.curve(steps, values, "earned", caption),)))
    return blocks


def _made(arms: Sequence[Arm]) -> list[Block]:
    """Say how everything came about: enough to make it again."""
    rows: list[tuple[Cell | str, ...]] = [("cidmesa", "", __version__)]
    for arm in arms:
        digest = arm.found["predictions"].get("digest")
        rows += [(arm.name or "setup", "predictions", str(digest)[:16])] if digest else []
        for body, population in arm.populations.items():
            name = _named(arm, body) or "agents"
            rows += [(name, option, said(value)) for option, value in population.recipe.items()]
    table = Table(("of", "what", "value"), tuple(rows), caption="How this was made")
    return [Heading("How this was made"), Fold("Versions, options and seeds", (table,))]
