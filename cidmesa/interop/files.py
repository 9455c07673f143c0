"""Reading and writing files: the own format, and those of other programs.

``read`` tells the format by what is in the file and by its ending, ``write`` by the ending alone. Nothing in a file
is ever run, and nothing outside it is opened. :mod:`cidmesa.interop.formats` lists the formats with the sources of
their grammars.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cidmesa.diagram import CID
from cidmesa.disk import read_bytes, write_text
from cidmesa.errors import FileFormatError, NotApplicableError, did_you_mean
from cidmesa.interop import source
from cidmesa.interop.formats import bif, bifxml, dne, efg, elvira, jgum, net, own, probmodelxml, uai, xdsl, xml
from cidmesa.interop.formats.network import RECALLS, Network, Options, from_model, to_model
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.interop.formats.network import Recall
    from cidmesa.interop.study import Study
    from cidmesa.mesa.setup.training import TrainingSetup

_OWN: Final = (".yaml", ".yml", ".json")
_TEXTS: Final[dict[str, Callable[[str, str], Network]]] = {
    "BIF": bif.read,
    "NET": net.read,
    "DNE": dne.read,
    "Elvira": elvira.read,
    "UAI": uai.read,
    "EFG": efg.read,
    "jgum": jgum.read,
}
_ROOTS: Final[dict[str, Callable[[xml.Element, str], Network]]] = {
    "BIF": bifxml.from_root,
    "smile": xdsl.from_root,
    "ProbModelXML": probmodelxml.from_root,
}
_ENDINGS: Final = {
    ".bif": "BIF",
    ".net": "NET",
    ".hkb": "NET",
    ".dne": "DNE",
    ".dnet": "DNE",
    ".elv": "Elvira",
    ".uai": "UAI",
    ".limid": "UAI",
    ".efg": "EFG",
    ".jgum": "jgum",
    ".xdsl": "XML",
    ".bifxml": "XML",
    ".xmlbif": "XML",
    ".xml": "XML",
    ".pgmx": "XML",
}
_BEGINNINGS: Final = (
    ("XML", re.compile(r"<(?:\?xml|!--|!DOCTYPE|[A-Za-z])")),
    ("EFG", re.compile(r"EFG\s++2\b")),
    ("DNE", re.compile(r"bnet\s++\w++\s*+\{")),
    ("Elvira", re.compile(r"(?:idiagramsv|idiagram|id-with-svnodes|bnet)\s")),
    ("NET", re.compile(r"(?:net|class\s++\w++)\s*+\{")),
    ("BIF", re.compile(r"network\s++[^{]++\{")),
    ("UAI", re.compile(r"(?:ID|LIMID|BAYES)\s++[0-9]++\s")),
    ("jgum", re.compile(r"\{\s*+\"type\"\s*+:\s*+\"(?:ID|BN)\"")),
)
"""How files of each format begin once their comments are left out, for endings that say nothing."""

_COMMENTS: Final = re.compile(r"(?:\s++|(?://|%)[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")

_WRITERS: Final[dict[str, tuple[str, Callable[[Network], str]]]] = {
    ".bifxml": (bifxml.FORMAT, bifxml.write),
    ".xdsl": (xdsl.FORMAT, xdsl.write),
    ".net": (net.FORMAT, net.write),
    ".pgmx": (probmodelxml.FORMAT, probmodelxml.write),
}
_NEVER_FORGET: Final = (".xdsl",)
"""Formats whose program remembers more than is written."""

WRITABLE: Final = (*_OWN, *_WRITERS, ".efg", ".dot")
"""The endings that :func:`write` takes."""

READABLE: Final = (*_OWN, *_ENDINGS)
"""The endings that :func:`read` knows; others are told by how the file begins."""


def read(
    path: str | os.PathLike[str],
    *,
    decisions: Iterable[str] = (),
    utilities: Iterable[str] | Mapping[str, Mapping[str, float] | None] = (),
    recall: Recall | None = None,
    normalise: bool = False,
) -> CID | CIM | TrainingSetup | Study:
    """Read a diagram, a model, a training setup or a whole study from a file.

    Parameters
    ----------
    path
        A file of the own format (by custom ``*.cid.yaml``, or JSON of the same form), or BIFXML, XMLBIF, BIF, XDSL
        (GeNIe), NET (Hugin), DNE (Netica), ProbModelXML (OpenMarkov), Elvira, UAI, EFG (Gambit) or jgum (aGrUM).
    decisions
        Chance nodes that are to be decisions, for formats that have none, such as BIF; their tables are left out.
    utilities
        Chance nodes that are to be utilities. A list: their states are numbers. A mapping: node → state → what it is
        worth. A random one becomes its mean in each context, and the result says so.
    recall
        ``"as written"``: a decision observes its parents in the file. ``"no forgetting"``: also all earlier decisions
        and what they observed. Left out: what the format's own program does (no forgetting: GeNIe, Netica,
        OpenMarkov's and Elvira's influence diagrams, UAI's ``ID``).
    normalise
        Divide rows of probabilities that do not sum to one (within 1e-9) by their sums; rows of zeros, which some
        programs write for impossible contexts, become uniform. Left out, such files are refused.

    Returns
    -------
    CID, CIM, TrainingSetup or Study
        Files of other programs: a model whose ``origin`` says what the reader decided (recall, notes, corrections) and
        whose diagram has the file's positions, labels and units as attributes, a bare diagram if there are no tables.
        Own files: what they hold.

    Raises
    ------
    FileFormatError
        The file is not what it should be; the text names line and column.
    NotApplicableError
        ``recall="no forgetting"``, and the file does not say in which order the decisions are taken.
    OSError
        There is no such file, or it cannot be read.

    Notes
    -----
    Hostile files are refused in about a second and in bounded memory: deep nesting, aliases, XML entities, tables of
    more than 2²⁴ entries, numbers of many digits, archives, links out of the folder.

    Examples
    --------
    >>> import cidmesa as cm, tempfile, pathlib
    >>> cid = cm.CID([("door", "go"), ("go", "reward")], decisions=["go"], utilities=["reward"])
    >>> model = cid.parameterise(door=cm.Uniform("left", "right"), go=["left", "right"], reward=cm.Table([0, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read(write(model, pathlib.Path(folder) / "door.net")) == model
    True
    """
    place = Path(path)
    options = _options(decisions, utilities, recall, normalise)
    return from_bytes(read_bytes(place), str(place), options)


def from_bytes(data: bytes, name: str, options: Options) -> CID | CIM | TrainingSetup | Study:
    """Read a file's bytes; `name` is what errors call it, and its ending tells the format where the bytes do not."""
    kind = _kind(Path(name), data)
    if kind == "own":
        if any((options.decisions, options.utilities, options.recall, options.normalise)):
            raise NotApplicableError(
                f"{name}: decisions=, utilities=, recall= and normalise= are for files of other programs, and this is "
                "cidmesa's own: leave them out."
            )
        return own.loads(source.as_text(data, name), name=name)
    if kind == "XML":
        if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FileFormatError(f"{name}: not a text file: it has a NUL byte.")
        root = xml.parse(data, name)
        if root.tag not in _ROOTS:
            root.fail(f"<{root.tag[:40]}> is not the root of BIFXML (<BIF>), XDSL (<smile>) or ProbModelXML.")
        return to_model(_ROOTS[root.tag](root, name), options)
    return to_model(_TEXTS[kind](source.as_text(data, name, foreign=True), name), options)


def write(obj: CID | CIM | TrainingSetup | Study, path: str | os.PathLike[str]) -> Path:
    """Write a diagram, a model, a training setup or a study to a file, all or nothing.

    The ending says the format: ``.yaml``, ``.yml``, ``.json`` (everything), ``.bifxml``, ``.xdsl``, ``.net``,
    ``.pgmx`` (models of one agent), ``.efg`` (games), ``.dot`` (the diagram). Functions are written as what they do,
    so a file equals the object by its tables, not by its code. An existing file is replaced only when the new one is
    complete.

    Raises
    ------
    FileFormatError
        No format has this ending, or it cannot hold some name or value; the text says which.
    NotApplicableError
        The format cannot hold the model: symbols, several agents, fixed rules, limited memory where its program has
        none.
    """
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in WRITABLE:
        raise FileFormatError(
            f"{target}: a file that is written ends in {', '.join(WRITABLE)}{did_you_mean(ending, WRITABLE)}: "
            f"{target.stem or 'diagram'}.cid.yaml."
        )
    write_text(target, _text(obj, target, ending))
    return target


def _options(
    decisions: Iterable[str],
    utilities: Iterable[str] | Mapping[str, Mapping[str, float] | None],
    recall: Recall | None,
    normalise: bool,
) -> Options:
    for argument, names in (("decisions", decisions), ("utilities", utilities)):
        if isinstance(names, str):
            raise NotApplicableError(f'{argument}= is a list of names; got {names!r}: {argument}=["{names}"].')
    if recall is not None and recall not in RECALLS:
        raise NotApplicableError(f"recall= is one of {', '.join(map(repr, RECALLS))}; got {recall!r}.")
    worth = dict(utilities) if isinstance(utilities, Mapping) else dict.fromkeys(utilities)
    return Options(tuple(decisions), worth, recall, bool(normalise))


def _kind(path: Path, data: bytes) -> str:
    """Tell the format: XML by its beginning whatever the ending, else the ending, else the beginning."""
    start = data[:4096].decode("latin-1").removeprefix("\xef\xbb\xbf")
    start = _COMMENTS.sub("", start, count=1)
    ending = path.suffix.lower()
    begins = next((kind for kind, pattern in _BEGINNINGS if pattern.match(start)), None)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and _ENDINGS.get(ending) == "XML":
        return "XML"
    if begins == "XML":
        return "XML"
    if ending in _OWN:
        if begins is not None and begins != "jgum":
            raise FileFormatError(f"{path}: this is {begins}, not cidmesa's format: give it the ending of its format.")
        return begins or "own"
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    return begins or "own"


def _text(obj: CID | CIM | TrainingSetup | Study, target: Path, ending: str) -> str:
    if ending in _OWN:
        return own.as_json(obj) if ending == ".json" else own.dumps(obj)
    if not isinstance(obj, CID | CIM):
        raise NotApplicableError(
            f"{target}: only the own format holds a {type(obj).__name__}: write {target.stem}.cid.yaml, or its .cid or "
            ".model."
        )
    if ending == ".dot":
        from cidmesa.render.dot import to_dot
        from cidmesa.render.spec import spec_of

        return to_dot(spec_of(obj if isinstance(obj, CID) else obj.cid)) + "\n"
    if isinstance(obj, CID):
        raise NotApplicableError(
            f"{target}: {ending} holds numbers, and this is a bare diagram: write .cid.yaml or .dot."
        )
    if ending == ".efg":
        from cidmesa.solve.games.gambit import to_efg

        return to_efg(obj)
    format, writer = _WRITERS[ending]
    if ending in _NEVER_FORGET:
        _require_recall(obj, format)
    return writer(from_model(obj, format, target.stem))


def _require_recall(model: CIM, format: str) -> None:
    """Refuse a model that forgets, for a format whose program would remember."""
    try:
        complete = model.cid.with_recall()
    except NotApplicableError:
        return  # the order is not said, and the reader takes such a file as written
    if complete.edges != model.cid.edges:
        tail, head = complete.edges[len(model.cid.edges)]
        raise NotApplicableError(
            f"{format} implies that nothing is forgotten, and here `{head}` does not observe `{tail}`: write "
            "model.with_recall(), or .net, which keeps limited memory."
        )
