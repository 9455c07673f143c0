"""Running a system: draw, infer, derive, train, judge.

The same five things for every system of the gallery and every setup from a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cidmesa._version import __version__
from cidmesa.disk import write_text
from cidmesa.documents.blocks import Block
from cidmesa.documents.document import Document
from cidmesa.gallery import page
from cidmesa.gallery.populations import Populations
from cidmesa.gallery.system import Evidence, Finding, System
from cidmesa.mesa.setup.selection import EXPECTED
from cidmesa.reports import data
from cidmesa.reports.whole import Arm, population_of, whole_document

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cidmesa.agents import Agents
    from cidmesa.gallery.system import System
    from cidmesa.mesa.derive import Family
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.validation import Report

Say = Callable[[str], None]
Show = Callable[[list[Block]], None]

_HOW = ("progress", "store", "block", "checkpoint")
"""Options of the training that change nothing of what comes out."""


@dataclass(frozen=True)
class Run:
    """What came of running a system.

    Attributes
    ----------
    system
        The system.
    families
        Arm → its mesa-optimizers.
    parts
        Arm → its derivation as plain data.
    agents, reports
        (arm, body) → the trained population, and the verdicts on it.
    asked
        What was said of the training: whether the run was fast, how many agents, which seed.
    """

    system: System
    families: Mapping[str, Family]
    parts: Mapping[str, Mapping[str, Any]]
    agents: Mapping[tuple[str, str], Agents] = field(default_factory=dict)
    reports: Mapping[tuple[str, str], Report] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def claims(self) -> tuple[tuple[str, Finding], ...]:
        """Each claim of the source in words, with what became of it; none where not every arm was run."""
        if set(self.families) != set(self.system.setups):
            return ()
        evidence = Evidence(self.families, self.agents, self.reports)
        return tuple((claim.says, claim.judge(evidence)) for claim in self.system.claims)

    @property
    def contradicted(self) -> tuple[str, ...]:
        """The ids of joint predictions that some population contradicted."""
        return tuple(
            f"{arm}, {body}: {row.id}"
            for (arm, body), report in self.reports.items()
            for row in report.rows
            if row.hypothesis == "joint" and row.verdict == "contradicted"
        )

    @cached_property
    def plain(self) -> dict[str, Any]:
        """Everything as plain data."""
        arms: dict[str, Any] = {
            arm: {
                **self.parts[arm],
                "bodies": {
                    body: body_data(self.system, body, report)
                    for (other, body), report in self.reports.items()
                    if other == arm
                },
            }
            for arm, family in self.families.items()
        }
        return {
            "cidmesa": __version__,
            "system": self.system.name,
            "title": self.system.title,
            "source": self.system.source,
            "story": " ".join(self.system.story.split()),
            "asked": dict(self.asked),
            "claims": [{"says": says, "verdict": f.verdict, "because": f.because} for says, f in self.claims],
            "incentives": data.incentive_data(self.system.setup.cid),
            "arms": arms,
        }

    def save(self, folder: str | Path) -> tuple[Path, Path]:
        """Write ``report.html`` and ``report.json`` into a folder."""
        laid_out, plain = Path(folder) / "report.html", Path(folder) / "report.json"
        write_text(laid_out, run_document(self).html)
        write_text(plain, json.dumps(self.plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        return laid_out, plain


def run(
    system: System,
    *,
    arms: Sequence[str] | None = None,
    bodies: Sequence[str] | None = None,
    train: bool = True,
    fast: bool = False,
    say: Say = lambda words: None,
    show: Show = lambda blocks: None,
    executor: Executor | None = None,
    **options: Any,
) -> Run:
    """Derive, train and judge a system; arms that select by the worst level are derived alone.

    Parameters
    ----------
    system
        The system.
    arms, bodies
        Which of them, by default all.
    train
        Whether to train agents; without, only the derivation is made.
    fast
        Whether to train as the system says under `fast`, before what `options` say.
    say
        Told what is being done, once a step.
    show
        Given each part of the report as soon as there is one.
    executor
        Any :class:`concurrent.futures.Executor`: blocks of the agents of all arms and bodies are trained there side by
        side. ``None``: here, one population after the other.
    **options
        For :func:`cidmesa.train`: ``agents``, ``seed``, ``progress``, ``store``, ``block``.
    """
    from cidmesa.validation import validate

    asked = {"fast": fast, **{name: value for name, value in options.items() if name not in _HOW}}
    options = {**(system.fast if fast else {}), **options}
    chosen = [system.arm(arm) for arm in arms] if arms else list(system.setups)
    made = [system.body(body) for body in bodies] if bodies else list(system.bodies)
    families: dict[str, Family] = {}
    agents: dict[tuple[str, str], Agents] = {}
    reports: dict[tuple[str, str], Report] = {}
    parts: dict[str, dict[str, Any]] = {}
    learnt = [arm for arm in chosen if train and _is_learnt(system.setups[arm])]
    show(page.opening(system, len(learnt) * len(made), fast=fast))
    with closing(Populations(system, executor, options)) as populations:
        if executor is not None:
            for arm in learnt:
                say(f"{arm}: deriving")
                families[arm] = system.family(arm)
            populations.begin([(arm, body) for arm in learnt for body in made], families)
        for arm in chosen:
            if arm not in families:
                say(f"{arm}: deriving")
                families[arm] = system.family(arm)
            parts[arm] = data.arm_data(families[arm], compare=arm == chosen[0])
            show(page.derivation(system, arm, parts[arm], first=arm == chosen[0]))
            for body in made if arm in learnt else ():
                say(f"{arm}, {body}: training")
                agents[arm, body] = populations.get(arm, body, families[arm])
                say(f"{arm}, {body}: judging")
                reports[arm, body] = validate(
                    families[arm],
                    agents[arm, body],
                    progress=options.get("progress", True),
                    executor=populations.executor,
                    store=options.get("store"),
                    organism_of=system.organisms.get(body),
                )
                entry = body_data(system, body, reports[arm, body])
                show(page.population(system, arm, body, entry))
    done = Run(system, families, parts, agents, reports, asked)
    show(page.closing(done.plain["claims"]))
    return done


def _is_learnt(setup: TrainingSetup) -> bool:
    """Whether agents can be trained on a setup: it has numbers, and selects by the score that learners follow."""
    return setup.model is not None and setup.selects == EXPECTED


def body_data(system: System, body: str, report: Report) -> dict[str, Any]:
    """Return the verdicts on one population as plain data."""
    return {"description": system.bodies[body], "agents": report.agents, "report": report.to_dict()}


def system_of(setup: TrainingSetup, name: str, **derive: Any) -> System:
    """Make a system of a setup: one arm, plain nets, no claims."""

    def trained(setup: TrainingSetup, body: str, **options: Any) -> Agents:
        from cidmesa.agents import train

        return train(setup, **{"policy": body, **options})

    bodies = {"mlp": "small nets trained by policy gradient"}
    return System(name, name, "", {"training": setup}, (), trained, bodies, derive={"training": derive})


def run_document(run: Run) -> Document:
    """Lay out everything that was done with a system, from the bottom line to the recipes."""
    system, found = run.system, run.plain
    several = len(system.setups) > 1
    arms = [
        Arm(arm if several else "", family, run.parts[arm], {
            body if len(system.bodies) > 1 else "": population_of(report, run.agents[arm, body], system.bodies[body])
            for (other, body), report in run.reports.items()
            if other == arm
        })
        for arm, family in run.families.items()
    ]  # fmt: skip
    source = " · ".join(words for words in (system.source, page.FAST if run.asked.get("fast") else "") if words)
    return whole_document(
        system.title, arms, found["incentives"], subtitle=source, story=system.story, claims=found["claims"]
    )
