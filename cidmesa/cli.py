"""The shell command ``cidmesa``: words in, tables and files out.

Every subcommand takes the name of a gallery system, the name of a diagram of the literature, or a file of any format
that :func:`cidmesa.read` reads, and ``--json`` prints plain data instead of tables. Tables and data go to standard
output, everything else to standard error. Exit code 0: finished, whatever the verdicts (with ``--strict`` 1 when a
joint prediction is contradicted); 2: the input is wrong; 3: something optional is missing; 130: stopped, by Ctrl-C or
because a worker was lost; blocks of agents that are finished are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cidmesa import shell_runs
from cidmesa._version import __version__
from cidmesa.errors import (
    CidmesaError,
    MissingDependencyError,
    NotApplicableError,
    UnknownNodeError,
    WorkerLostError,
    did_you_mean,
)

if TYPE_CHECKING:
    from cidmesa.diagram import CID
    from cidmesa.documents.blocks import Block
    from cidmesa.documents.document import Document
    from cidmesa.gallery.system import System
    from cidmesa.mesa.candidates.mesa_optimizer import MesaOptimizer
    from cidmesa.mesa.derive import Family
    from cidmesa.mesa.setup.training import TrainingSetup
    from cidmesa.model import CIM

DONE, CONTRADICTED, WRONG, MISSING, STOPPED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments`, by default those of the shell, and return its exit code.

    >>> main(["list"])  # doctest: +ELLIPSIS
    red-door ...
    0
    """
    parser = _parser()
    try:
        words = parser.parse_args(arguments)
    except SystemExit as stopped:  # --help, --version, or words that argparse refuses
        return int(stopped.code or 0)
    try:
        code: int = words.command(words)
        sys.stdout.flush()
        return code
    except MissingDependencyError as error:
        return _complain(error, MISSING)
    except WorkerLostError as error:
        return _complain(error, STOPPED)
    except (CidmesaError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        return _complain(error, WRONG)
    except KeyboardInterrupt:
        return _complain("stopped", STOPPED)


def _complain(error: object, code: int) -> int:
    print(f"cidmesa: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cidmesa",
        description="From the base optimizer's causal influence diagram to the mesa-optimizers that training could "
        "have produced, and to a verdict on trained agents.",
        epilog="Start with `cidmesa run red-door`.",
    )
    parser.add_argument("--version", action="version", version=f"cidmesa {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str, *, takes: bool = True) -> Any:
        added = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        added.set_defaults(command=run)
        if takes:
            added.add_argument("what", metavar="NAME|FILE", help="a system, a diagram of the literature, or a file")
            _file_options(added)
        added.add_argument("--json", action="store_true", help="print plain data")
        return added

    listing = command("list", _list, "list the systems of the gallery", takes=False)
    listing.add_argument("--literature", action="store_true", help="list the diagrams of the literature instead")
    show = command("show", _show, "show a diagram, its mechanisms and deployments")
    incentives = command("incentives", _incentives, "tabulate who wants to know, control or steer what")
    derive = command("derive", _derive, "derive the mesa-optimizers that training could have produced")
    train = command("train", _train, "train a population of agents")
    validate = command("validate", _validate, "judge the predictions by what agents do: saved ones, or newly trained")
    run = command("run", _run, "draw, infer, derive, train, judge (`all`: every system); leave reports as files")
    render = command("render", _render, "draw a diagram as SVG, PNG, PDF, DOT, Mermaid or TikZ")
    convert = command("convert", _convert, "write a file in another format")
    convert.add_argument("output", metavar="OUT", type=Path, help="the new file; its ending chooses the format")
    explore = command("explore", _explore, "write a page to draw diagrams on and see what follows", takes=False)

    for one in (show, derive, train, validate, render):
        one.add_argument("--arm", help="which variant of the training distribution; the first if left out")
    for one in (show, incentives, derive, validate):
        one.add_argument("-o", "--output", type=Path, help="write a .html, .md, .tex or .txt file instead")
    for one in (derive, run, validate):
        one.add_argument("--tolerance", type=float, help="training regret that is allowed")
        one.add_argument("--max-targets", type=int, help="the largest number of targets of one objective")
        one.add_argument("--prior", metavar="λ,β,n,B", help="rank under this simplicity prior, such as 1,1,1000,8")
    shell_runs.add_options(train, validate, run)
    for one in (validate, run):
        one.add_argument("--strict", action="store_true", help="exit with 1 when a joint prediction is contradicted")
    run.add_argument("--arm", action="append", help="only this arm; may be repeated")
    run.add_argument("--body", action="append", help="only this body; may be repeated")
    run.add_argument("-o", "--output", type=Path, help="the folder of the report (out/NAME)")
    run.add_argument("-v", "--verbose", action="store_true", help="print the whole report, not its bottom line alone")
    _explore_options(explore)
    _render_options(render)
    return parser


def _explore_options(explore: argparse.ArgumentParser) -> None:
    explore.add_argument(
        "what", metavar="NAME|FILE", nargs="?", help="what to start with: also a diagram of the literature (red door)"
    )
    _file_options(explore)
    explore.add_argument("-o", "--output", type=Path, help="file to write (explorer.html)")
    explore.add_argument("--open", action="store_true", help="show the page in the browser")


def _render_options(render: argparse.ArgumentParser) -> None:
    render.add_argument("-o", "--output", type=Path, help="file to write; its ending chooses the format (NAME.svg)")
    render.add_argument(
        "--view", default="base", metavar="base|twin|spliced|mesa:TARGET", help="which diagram to draw (base)"
    )
    render.add_argument("--of", metavar="base|optimizer|TARGET", help="the same as --view, in older words")
    render.add_argument(
        "--overlay", metavar="voi,voc,ri,ici", help="the incentives to ring: all if left out; none for no rings"
    )
    render.add_argument("--deployment", help="the diagram of that deployment, with its links (training)")
    render.add_argument("--beside-base", action="store_true", help="draw the base diagram beside it (SVG, PNG, PDF)")
    render.add_argument(
        "--engine", default="auto", choices=("auto", "pygraphviz", "dot", "own"), help="who lays it out"
    )


def _file_options(parser: argparse.ArgumentParser) -> None:
    """Add what :func:`cidmesa.read` may be told about a file of another program."""
    files = parser.add_argument_group("files of other programs")
    files.add_argument("--decision", action="append", metavar="NODE", help="take this chance node as a decision")
    files.add_argument(
        "--utility", action="append", metavar="NODE", help="take this node as a utility; its states are numbers"
    )
    files.add_argument("--recall", choices=("as written", "no forgetting"), help="what decisions remember")
    files.add_argument("--normalise", action="store_true", help="divide rows that were rounded by their sums")


# The commands --------------------------------------------------------------------------------------------------------


def _list(words: argparse.Namespace) -> int:
    from cidmesa import gallery, literature

    if words.literature:
        examples = literature.examples()
        if words.json:
            return _print_json([{"name": e.name, "title": e.title, "source": e.source} for e in examples])
        widest = max(len(example.name) for example in examples)
        for example in examples:
            print(f"{example.name:{widest}}  {example.title}")
        return DONE
    systems = [gallery.load(name) for name in gallery.names()]
    if words.json:
        return _print_json([{"name": s.name, "title": s.title, "source": s.source} for s in systems])
    width = max(len(system.name) for system in systems)
    for system in systems:
        print(f"{system.name:{width}}  {system.title}")
    return DONE


def _show(words: argparse.Namespace) -> int:
    from cidmesa.interop.plain import as_plain
    from cidmesa.reports.documents import overview

    obj, system = _object(words, words.arm)
    if words.json:
        return _print_json(as_plain(obj))
    title, story = (system.title, system.story) if system else (Path(words.what).name, "")
    return _put(overview(obj, title, story), words)


def _incentives(words: argparse.Namespace) -> int:
    from cidmesa.reports import data
    from cidmesa.reports.documents import incentive_document

    cid = _diagram(_object(words)[0])
    if words.json:
        return _print_json(data.incentive_data(cid))
    return _put(incentive_document(cid, f"Incentives: {words.what}"), words)


def _derive(words: argparse.Namespace) -> int:
    from cidmesa.reports import data, report

    system = _system(words)
    family = system.family(words.arm)
    if words.json:
        found = data.family_data(family)
        found["comparisons"] = data.comparison_data(family)
        if family.setup.model is not None:
            found["predictions"] = data.family_predictions(family)
        return _print_json(found)
    arm = f", {system.arm(words.arm)}" if len(system.setups) > 1 else ""
    return _put(report(family, title=f"Derivation: {words.what}{arm}"), words)


def _train(words: argparse.Namespace) -> int:
    system = _system(words)
    family = _family(system, words.arm)
    with shell_runs.training(words, words.out) as options:
        agents = system.agents(words.body, words.arm, family=family, **options)
    written = None if words.out is None else str(agents.save(words.out))
    decisions = agents.recipe.model.cid.decisions
    if words.json:
        found = {d: agents.probabilities(d).tolist() for d in decisions}
        told = {"agents": len(agents), "predictions": agents.predictions, "probabilities": found}
        return _print_json(told if written is None else {**told, "written": written})
    from cidmesa.documents.document import Document
    from cidmesa.reports.documents import population_tables

    _put(Document(f"{len(agents)} agents", tuple(population_tables(agents))), words)
    return DONE if written is None else _say(f"written: {written}")


def _validate(words: argparse.Namespace) -> int:
    from cidmesa.documents.sections.verdicts import report_document
    from cidmesa.validation import validate

    system = _system(words)
    family = _family(system, words.arm)
    saved = None if words.saved is None else shell_runs.saved_agents(words)
    with shell_runs.training(words, None) as options:
        agents = saved or system.agents(words.body, words.arm, family=family, **options)
        report = validate(family, agents, progress=not words.quiet, executor=options.get("executor"))
    if words.json:
        _print_json(report.to_dict())
    else:
        title = f"Verdicts: {words.what}"
        whole = words.output is not None
        _put(report.document(title) if whole else report_document({**report.to_dict(), "title": title}), words)
    contradicted = any(row.hypothesis == "joint" and row.verdict == "contradicted" for row in report.rows)
    return CONTRADICTED if words.strict and contradicted else DONE


def _run(words: argparse.Namespace) -> int:
    from cidmesa.documents import terminal
    from cidmesa.gallery.run import run, run_document

    width, colour = _terminal()

    def say(text: str) -> None:
        if not words.quiet:
            print(f"· {text}", file=sys.stderr, flush=True)

    def show(blocks: list[Block]) -> None:
        if not words.json:
            print(terminal.write_blocks(blocks, width, colour=colour), end="", flush=True)

    if words.what == "all" and not Path("all").exists():
        table = shell_runs.run_all(words, say, show)
        if words.json:
            _print_json(table.plain)
        else:
            print(table.document.text(width, colour=colour), end="")
            print(f"written: {table.path}, with a report of each system beside it")
        return CONTRADICTED if words.strict and table.contradicted else DONE
    system = _system(words, each_arm=True)
    folder = words.output or Path("out") / _stem(system.name)
    with shell_runs.training(words, folder) as options:
        done = run(system, arms=words.arm, bodies=words.body, fast=words.fast, say=say, show=show, **options)
    page, plain = done.save(folder)
    if words.json:
        _print_json(done.plain)
    else:
        if words.verbose:
            print(run_document(done).text(width, colour=colour))
        print(f"written: {page} and {plain}" + ("" if words.verbose else "; -v prints all of it"))
    return CONTRADICTED if words.strict and done.contradicted else DONE


def _render(words: argparse.Namespace) -> int:
    from cidmesa.render import save_drawing
    from cidmesa.reports import pictures, views

    obj, system = _object(words, words.arm)
    name = words.view
    if words.of is not None:
        name = {"base": "base", "optimizer": "twin"}.get(words.of, f"mesa:{words.of}")
    overlay = None if words.overlay is None else [c.strip().lower() for c in words.overlay.split(",") if c.strip()]

    def candidate(targets: list[str]) -> MesaOptimizer:
        found: MesaOptimizer = _candidate(
            (system or _wrapped(obj, words)).family(words.arm if system else None), targets
        )
        return found

    picture = views.view(
        name,
        _diagram(obj) if words.deployment is None else obj,
        setup=lambda: _as_setup(obj),
        candidate=candidate,
        deployment=words.deployment,
        overlay=[] if overlay == ["none"] else overlay,
        engine=words.engine,
    )
    if words.json:
        return _print_json(asdict(picture.spec))
    path = words.output or Path(f"{_stem(words.what)}.svg")
    if words.beside_base:
        base = pictures.diagram_picture(_diagram(obj), "Base", engine=words.engine)
        save_drawing(base.beside(picture), path)
    else:
        picture.save(path)
    print(f"written: {path}")
    return DONE


def _convert(words: argparse.Namespace) -> int:
    from cidmesa.interop import read, write
    from cidmesa.interop.study import Study

    obj: Any = _object(words)[0]
    if Path(words.what).exists():  # a study is converted whole, not its first arm
        whole = read(words.what) if Path(words.what).suffix.lower() in {".yaml", ".yml", ".json"} else obj
        obj = whole if isinstance(whole, Study) else obj
    path = write(obj, words.output)
    return _print_json({"written": str(path)}) if words.json else _say(f"written: {path}")


def _say(text: str) -> int:
    print(text)
    return DONE


def _explore(words: argparse.Namespace) -> int:
    from cidmesa.explorer import explore

    start = None if words.what is None else _object(words)[0]
    path = explore(start, words.output or Path("explorer.html"), title=words.what or "")
    if words.open:
        import webbrowser

        webbrowser.open(Path(path).resolve().as_uri())
    if words.json:
        return _print_json({"written": str(path), "bytes": Path(path).stat().st_size})
    print(f"written: {path}")
    return DONE


# What the words mean -------------------------------------------------------------------------------------------------


def _object(words: argparse.Namespace, arm: str | None = None) -> tuple[CID | CIM | TrainingSetup, System | None]:
    """Read a file, load a gallery system and take the setup of an arm, or load a diagram of the literature."""
    from cidmesa import gallery, literature
    from cidmesa.interop.files import READABLE

    what: str = words.what
    if what in gallery.names():
        system = gallery.load(what)
        return system.setups[system.arm(arm)], system
    if Path(what).exists() or Path(what).suffix.lower() in READABLE:
        obj, made = _from_file(words)
        if made is not None:
            return made.setups[made.arm(arm)], made
    elif what in literature.names():
        obj = literature.load(what).cid
    else:
        try:
            return gallery.load(what).setup, None
        except UnknownNodeError as error:
            raise UnknownNodeError(
                f"{error} Nor is there a file of that name; `cidmesa list` lists the gallery, `cidmesa list "
                f"--literature` the diagrams of the literature{did_you_mean(what, literature.names())}."
            ) from None
    if arm is not None:
        raise NotApplicableError(f"`{what}` has no arms, as systems of the gallery and studies have: leave out --arm.")
    return obj, None


def _from_file(words: argparse.Namespace) -> tuple[CID | CIM | TrainingSetup, System | None]:
    """Read a file, and say on standard error what its reader decided; a study becomes a system."""
    from cidmesa.interop import read
    from cidmesa.interop.origin import ReadModel
    from cidmesa.interop.study import Study

    options = {"decisions": words.decision or (), "utilities": words.utility or (), "recall": words.recall}
    obj = read(words.what, normalise=words.normalise, **options)
    if isinstance(obj, Study):
        from cidmesa.gallery.study import system_of_study

        return obj.setup, system_of_study(obj, _stem(words.what))
    if isinstance(obj, ReadModel):
        for note in obj.origin.notes:
            print(f"· {note}", file=sys.stderr)
    return obj, None


def _diagram(obj: CID | CIM | TrainingSetup) -> CID:
    from cidmesa.diagram import CID

    return obj if isinstance(obj, CID) else obj.cid


def _as_setup(obj: CID | CIM | TrainingSetup) -> TrainingSetup:
    from cidmesa.mesa.setup.training import TrainingSetup

    return obj if isinstance(obj, TrainingSetup) else TrainingSetup(obj)


def _system(words: argparse.Namespace, *, each_arm: bool = False) -> System:
    """Return the system asked for, or one made of a file, with the options of the derivation that were given."""
    from dataclasses import replace

    obj, system = _object(words, None if each_arm else words.arm)
    if system is None:
        return _wrapped(obj, words)
    given = _derivation(words)
    return replace(system, derive={arm: {**system.derive.get(arm, {}), **given} for arm in system.setups})


def _wrapped(obj: CID | CIM | TrainingSetup, words: argparse.Namespace) -> System:
    from cidmesa.gallery.run import system_of

    return system_of(_as_setup(obj), _stem(words.what), **_derivation(words))


def _derivation(words: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(words, name, None) for name in ("tolerance", "max_targets")}
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if getattr(words, "prior", None):
        from cidmesa.mesa.candidates.prior import SimplicityPrior

        try:
            found["prior"] = SimplicityPrior(*map(float, words.prior.split(",")))
        except (TypeError, ValueError) as error:
            if isinstance(error, CidmesaError):
                raise
            raise NotApplicableError(
                f"--prior takes four numbers λ,β,n,B such as 1,1,1000,8; got {words.prior!r}."
            ) from None
    return found


def _family(system: System, arm: str | None) -> Family:
    family = system.family(arm)
    family.setup.require_model("training agents")
    return family


def _candidate(family: Family, wanted: list[str]) -> Any:
    return family[tuple(wanted) if len(wanted) > 1 else wanted[0]]


def _stem(what: str) -> str:
    from cidmesa.interop.files import READABLE

    name = Path(what).name
    for ending in (*READABLE, ".cid"):
        name = name.removesuffix(ending)
    return name


# Where it goes -------------------------------------------------------------------------------------------------------


def _put(document: Document, words: argparse.Namespace) -> int:
    """Print a document, or write it to the file asked for."""
    output = getattr(words, "output", None)
    if output is not None:
        print(f"written: {document.save(output)}")
        return DONE
    width, colour = _terminal()
    print(document.text(width, colour=colour), end="")
    return DONE


def _print_json(found: Any) -> int:
    print(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False, default=str))
    return DONE


def _terminal() -> tuple[int, bool]:
    """Return the width to write for, and whether colours are wanted."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size((110, 24)).columns, colour
