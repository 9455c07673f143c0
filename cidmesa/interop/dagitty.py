r"""dagitty's model code, both ways.

dagitty, for the web and for R, writes a diagram as text, ``dag { x [exposure] y [outcome] u [latent] x -> y u -> y }``.
What one sets there, the *exposures*, are decisions here, and *outcomes* are utilities, unless other decisions and
utilities are named. ``x <-> y`` stands for a latent common cause, in dagitty's words and in ours. Positions, the
bounding box and all other properties are kept as attributes of the diagram.

The grammar is that of dagitty's own parser (``GraphDotParser.pegjs``): whitespace and semicolons separate, a name is a
bare word of letters, digits, ``_`` and ``.`` or a text in double quotes, ``{a b} -> c`` are two edges.

>>> cid = from_dagitty('dag { dose [exposure,pos="0,0"] cure [outcome,pos="2,0"] age -> dose -> cure <- age }')
>>> cid.decisions, cid.utilities, cid.edges
(('dose',), ('cure',), (('age', 'dose'), ('dose', 'cure'), ('age', 'cure')))
>>> print(to_dagitty(cid))
dag {
dose [exposure,pos="0,0"]
cure [outcome,pos="2,0"]
age
age -> dose
dose -> cure
age -> cure
}
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import numpy as np

from cidmesa.diagram import CID, Edge, Owned
from cidmesa.errors import DiagramError, FileFormatError, NotApplicableError
from cidmesa.interop.objects import diagram_and_model, require_one_agent
from cidmesa.mechanisms import is_number
from cidmesa.model import CIM

MAX_EDGES: Final = 10**6
"""The most edges that are read; ``{a b} -> {c d}`` makes many of a short text."""

_DEEP: Final = 100
_TOKEN: Final = re.compile(
    r"""(?P<space>[\s;]+)|(?P<edge>@->|<-@|<->|->|<-|--@|--|@-@|@--)|(?P<word>-?[0-9A-Za-z_.]+)"""
    r"""|(?P<text>"(?:[^"\\\x00-\x1f\x7f]|\\"|\\[\r\n]+|\\(?!["\r\n]))*")|(?P<mark>[][{}=,+])"""
)
_NUMBER: Final = r"\s*+(-?(?:[0-9]++\.?[0-9]*+|\.[0-9]++))\s*+"
_POSITION: Final = re.compile(rf"{_NUMBER},{_NUMBER}\Z")
_WORD: Final = re.compile(r"-?[0-9A-Za-z_.]+\Z")
_FLAGS: Final = {
    **dict.fromkeys(("latent", "l", "unobserved", "u"), "latent"),
    **dict.fromkeys(("source", "exposure", "e"), "exposure"),
    **dict.fromkeys(("target", "outcome", "o"), "outcome"),
    **dict.fromkeys(("adjusted", "a"), "adjusted"),
}
_WHOLE: Final = "graph"
"""What stands for the whole graph where a name is expected."""


def from_dagitty(text: str, *, decisions: Owned | None = None, utilities: Owned | None = None) -> CID:
    """Read dagitty's model code as a diagram.

    Parameters
    ----------
    text
        Model code, ``dag { .. }``.
    decisions, utilities
        Which nodes are decisions and utilities: a list for one agent, or a mapping from agent to names. Left out, the
        exposures are decisions and the outcomes utilities; an empty list makes them chance nodes, which keep that
        property as an attribute.

    Returns
    -------
    CID
        Nodes in order of first mention. ``cid.attributes`` has ``position``, a pair of numbers, and every other
        property as dagitty has it: a text, or ``True`` where none is given.

    Raises
    ------
    FileFormatError
        The text is not model code, or of a graph that is not a ``dag``; the error names line and column.
    DiagramError
        A cycle; a decision with a latent parent, which it would observe; a utility with children.

    Notes
    -----
    In dagitty the parents of an exposure are what causes it. Here the parents of a decision are what is known when it
    is taken.

    Examples
    --------
    >>> from_dagitty("dag { u [latent] u -> x -> y ; u -> y }").latent
    ('u',)
    >>> from_dagitty("dag { x -- y }")
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: line 1, column 9: a diagram's edges are x -> y, x <- y or x <-> y; got `--`: ...
    """
    if not isinstance(text, str):
        raise NotApplicableError(f"from_dagitty reads model code, a text; got a {type(text).__name__}.")
    graph = _Parser(text).graph()
    flagged = {flag: [n for n, known in graph.nodes.items() if known.get(flag)] for flag in set(_FLAGS.values())}
    latent = flagged["latent"]
    chosen = flagged["exposure"] if decisions is None else decisions
    paid = flagged["outcome"] if utilities is None else utilities
    _check(graph, latent, chosen if decisions is None else (), paid if utilities is None else ())
    shown = {"latent"} | ({"exposure"} if decisions is None else set()) | ({"outcome"} if utilities is None else set())
    attributes: dict[Any, Mapping[Hashable, Any]] = {None: graph.whole}
    for name, known in graph.nodes.items():
        attributes[name] = {key: value for key, value in known.items() if key not in shown}
    attributes.update(graph.edges)
    return CID(
        graph.edges,
        nodes=graph.nodes,
        decisions=chosen,
        utilities=paid,
        latent=latent,
        bidirected=graph.bidirected,
        attributes=attributes,
    )


def to_dagitty(diagram: CID | CIM) -> str:
    """Write a diagram, or a model's, as dagitty's model code.

    Decisions are written as exposures, utilities as outcomes, latent nodes as latent. Attributes of nodes and edges are
    written where they are texts, finite numbers or ``True``, and ``position`` where it is a pair of numbers.

    Raises
    ------
    NotApplicableError
        Several agents; a name with a backslash or a control character, or the name ``graph``, which is the whole graph.

    Examples
    --------
    >>> print(to_dagitty(CID([("door knob", "go")], decisions=["go"])))
    dag {
    "door knob"
    go [exposure]
    "door knob" -> go
    }
    """
    cid, _ = diagram_and_model(diagram, "to_dagitty")
    require_one_agent(cid, "dagitty")
    latent = set(cid.latent)
    flags = {"decision": "exposure", "utility": "outcome"}
    lines = [_property(key, value) for key, value in cid.attributes.get(None, {}).items() if _is_plain(key, value)]
    for node in cid.nodes:
        if node == _WHOLE:
            raise NotApplicableError("dagitty calls the whole graph `graph`: rename the node of that name.")
        own: dict[Any, Any] = {flags[cid.kind(node)]: True} if cid.kind(node) in flags else {}
        if node in latent:
            own["latent"] = True
        lines.append(_quoted(node) + _properties({**own, **cid.attributes.get(node, {})}))
    for tail, head in cid.edges:
        lines.append(f"{_quoted(tail)} -> {_quoted(head)}{_properties(cid.attributes.get((tail, head), {}))}")
    return "\n".join(["dag {", *lines, "}"])


# Reading --------------------------------------------------------------------------------------------------------------


@dataclass
class _Graph:
    """What has been read so far: nodes, edges and the whole, each with its properties."""

    nodes: dict[str, dict[Hashable, Any]] = field(default_factory=dict)
    edges: dict[Edge, dict[Hashable, Any]] = field(default_factory=dict)
    bidirected: list[Edge] = field(default_factory=list)
    whole: dict[Hashable, Any] = field(default_factory=dict)


class _Parser:
    """A recursive-descent parser of model code; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found = _Graph()
        self.drawn = 0
        self.tokens: list[tuple[str, str, int]] = []
        self.at = 0
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                self.fail(f"{text[position]!r} is not expected here", position)
            kind, piece = str(match.lastgroup), match.group()
            if kind == "text":
                piece = re.sub(r"\\[\r\n]+", "", piece[1:-1]).replace('\\"', '"')
            if kind != "space":
                self.tokens.append((kind, piece, position))
            position = match.end()
        self.tokens.append(("end", "", len(text)))

    def fail(self, words: str, position: int | None = None) -> NoReturn:
        """Refuse, naming the line and column of `position`, or of the token that comes next."""
        position = self.tokens[self.at][2] if position is None else position
        line = self.text.count("\n", 0, position) + 1
        column = position - self.text.rfind("\n", 0, position)
        raise FileFormatError(f"line {line}, column {column}: {words}.")

    def peek(self) -> tuple[str, str]:
        """Return the kind and the text of the next token."""
        return self.tokens[self.at][:2]

    def take(self, mark: str) -> bool:
        """Read `mark` if it comes next."""
        if self.peek() == ("mark", mark):
            self.at += 1
            return True
        return False

    def is_name(self) -> bool:
        """Say whether a name comes next."""
        return self.peek()[0] in {"word", "text"}

    def name(self) -> str:
        """Read a name; texts may be put together with ``+``."""
        kind, piece = self.peek()
        if not self.is_name():
            self.fail(f"a name is expected; got {piece or 'the end'!r}")
        self.at += 1
        while kind == "text" and self.take("+"):
            kind, more = self.peek()
            if kind != "text":
                self.fail("a text in quotes is expected after `+`")
            self.at += 1
            piece += more
        return piece

    def graph(self) -> _Graph:
        """Read ``dag name? { .. }``."""
        if self.peek()[1].lower() == "strict":
            self.at += 1
        kind = self.peek()[1].lower()
        if kind not in {"dag", "digraph"}:
            if kind in {"pdag", "mag", "pag", "graph"}:
                self.fail(f"a diagram is a dag, and this is a {kind}: give every edge a direction and write dag {{..}}")
            self.fail(f"model code begins with `dag {{`; got {self.peek()[1]!r}")
        self.at += 1
        if self.is_name():
            self.name()
        if not self.take("{"):
            self.fail("`{` is expected")
        self.statements(0)
        if self.peek()[0] != "end":
            self.fail("nothing is expected after the last `}`")
        return self.found

    def statements(self, depth: int) -> list[str]:
        """Read statements up to ``}``; return the nodes that they mention."""
        if depth > _DEEP:
            self.fail(f"braces are nested more than {_DEEP} deep")
        mentioned: dict[str, None] = {}
        while not self.take("}"):
            mentioned.update(dict.fromkeys(self.statement(depth)))
        return list(mentioned)

    def statement(self, depth: int) -> list[str]:
        """Read one statement: a property of the whole, a node, a chain of edges, or statements in braces."""
        if self.is_name() and self.tokens[self.at + 1][:2] == ("mark", "="):
            key = self.name()
            self.take("=")
            self.found.whole[key] = self.name()
            return []
        ends, single = self.end(depth)
        if self.peek()[0] == "edge":
            return self.chain(ends, depth)
        if not single:
            return ends
        known = self.properties()
        if ends == [_WHOLE]:
            self.found.whole.update(known)
            return []
        self.found.nodes.setdefault(ends[0], {}).update(_node_properties(known, self))
        return ends

    def end(self, depth: int) -> tuple[list[str], bool]:
        """Read what may stand at the end of an edge: a name, or statements in braces; say whether it is a name."""
        if self.take("{"):
            return self.statements(depth + 1), False
        return [self.name()], True

    def chain(self, tails: list[str], depth: int) -> list[str]:
        """Read ``-> b <- c [..]`` after the first ends; the properties belong to all edges of the chain."""
        mentioned = list(tails)
        drawn: list[Edge] = []
        for name in tails:
            self.found.nodes.setdefault(name, {})
        while self.peek()[0] == "edge":
            mark = self.peek()[1]
            if mark not in {"->", "<-", "<->"}:
                self.fail(f"a diagram's edges are x -> y, x <- y or x <-> y; got `{mark}`: give it a direction")
            self.at += 1
            heads, _ = self.end(depth)
            for name in heads:
                self.found.nodes.setdefault(name, {})
            self.drawn += len(tails) * len(heads)
            if self.drawn > MAX_EDGES:
                self.fail(f"there are more than {MAX_EDGES:,} edges")
            pairs = [(a, b) for a in tails for b in heads]
            if mark == "<->":
                self.found.bidirected += pairs
            else:
                drawn += pairs if mark == "->" else [(b, a) for a, b in pairs]
            mentioned += heads
            tails = heads
        known = {key: _pair(value, self) if key == "pos" else value for key, value in self.properties().items()}
        if "pos" in known:
            known["position"] = known.pop("pos")
        for edge in drawn:
            self.found.edges.setdefault(edge, {}).update(known)
        return mentioned

    def properties(self) -> dict[Hashable, Any]:
        """Read ``[key, key = value ..]`` if it comes next."""
        known: dict[Hashable, Any] = {}
        if self.take("["):
            while not self.take("]"):
                key = self.name()
                known[key] = self.name() if self.take("=") else True
                self.take(",")
        return known


def _node_properties(known: Mapping[Hashable, Any], parser: _Parser) -> dict[Hashable, Any]:
    """Return a node's properties by the names that they have here."""
    found: dict[Hashable, Any] = {}
    for key, value in known.items():
        if key == "pos":
            found["position"] = _pair(value, parser)
        elif key in _FLAGS:
            found[_FLAGS[str(key)]] = True
        else:
            found[key] = value
    return found


def _pair(value: Any, parser: _Parser) -> tuple[float, float]:
    """Read a position, two numbers with a comma between."""
    match = _POSITION.match(value) if isinstance(value, str) else None
    if match is None:
        parser.fail(f'a position is two numbers, pos="0,1.5"; got {value!r}', parser.tokens[parser.at - 1][2])
    return float(match.group(1)), float(match.group(2))


def _check(graph: _Graph, latent: list[str], exposures: Any, outcomes: Any) -> None:
    """Refuse exposures and outcomes that cannot be decisions and utilities, and say how to read them all the same."""
    hidden, decisions, paid = set(latent), set(exposures), set(outcomes)
    both_ways = [*graph.bidirected, *((b, a) for a, b in graph.bidirected)]
    causes = [(f"a latent cause of it and `{b}`", a) for a, b in both_ways]
    causes += [(f"`{tail}`, which is latent", head) for tail, head in graph.edges if tail in hidden]
    for cause, head in causes:
        if head in decisions:
            raise DiagramError(
                f"the exposure `{head}` would be a decision, which observes its parents, and {cause} is one: read "
                "it as a chance node with decisions=[], or name the decisions."
            )
    for tail, head in graph.edges:
        if tail in paid:
            raise DiagramError(
                f"the outcome `{tail}` would be a utility, which has no children, and here is {tail} -> {head}: "
                "read it as a chance node with utilities=[], or name the utilities."
            )


# Writing --------------------------------------------------------------------------------------------------------------


def _quoted(name: str) -> str:
    """Return a name as dagitty reads it back."""
    if _WORD.match(name):
        return name
    if not _can_be_quoted(name):
        raise NotApplicableError(
            f"dagitty's names have no backslash and no control character, and {name!r} has: cid.renamed({{..}})."
        )
    return _in_quotes(name)


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _can_be_quoted(text: str) -> bool:
    """Say whether a text can stand in double quotes: a backslash would escape what follows it."""
    return "\\" not in text and not any(ord(c) < 32 or ord(c) == 127 for c in text)


def _properties(known: Mapping[Hashable, Any]) -> str:
    """Return ``[key,key="value"]``, or nothing."""
    shown = [_property(key, value) for key, value in known.items() if _is_plain(key, value)]
    return f" [{','.join(shown)}]" if shown else ""


def _property(key: Any, value: Any) -> str:
    if key == "position":
        x, y = (np.format_float_positional(float(number), trim="-") for number in value)
        return f'pos="{x},{y}"'
    return _quoted(key) if value is True else f"{_quoted(key)}={_in_quotes(str(value))}"


def _is_plain(key: Any, value: Any) -> bool:
    """Say whether an attribute can be written."""
    if not isinstance(key, str) or not key or not _can_be_quoted(key):
        return False
    if key == "position":
        return isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_finite, value))
    return value is True or _is_finite(value) or (isinstance(value, str) and _can_be_quoted(value))


def _is_finite(value: Any) -> bool:
    return is_number(value) and not isinstance(value, bool) and bool(np.isfinite(value))
