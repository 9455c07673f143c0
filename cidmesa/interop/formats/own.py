"""The own format: ``*.cid.yaml``, plain data that people can read, write and compare, and that never runs.

The reader takes the part of YAML that is plain data: mappings, lists, texts, numbers, ``true``, ``false`` and
``null``. ``yes`` and ``no`` are texts. Tags, anchors and aliases are refused, so a file can neither construct objects
nor unfold without end. JSON of the same form is read too. What is wrong is reported with its line, its column and the
path of keys that leads to it.

A file by hand::

    cidmesa: 1
    edges:
    - [door, go]
    - [door, reward]
    - [go, reward]
    decisions: [go]
    utilities: [reward]
    mechanisms:
      door: {uniform: [left, right]}
      go: {domain: [left, right]}
      reward: {expression: 1 if go == door else 0}
    deployments:
      mostly left: {shifts: {door: {categorical: {left: 0.8, right: 0.2}}}}

``docs/file-format.md`` shows every key with an example; :func:`schema` returns the JSON Schema.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NoReturn

from cidmesa.diagram import CID
from cidmesa.errors import FileFormatError
from cidmesa.interop.formats.tokens import DEEPEST, MOST_JSON_PARTS, json_parts
from cidmesa.interop.plain import as_plain
from cidmesa.interop.reader import Where
from cidmesa.interop.study_reader import from_plain
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM

if TYPE_CHECKING:
    from cidmesa.interop.study import Study

MOST_BYTES: Final = 16 * 2**20
"""How long a file may be."""
MOST_PARTS: Final = 800_000
"""How many mappings, lists and scalars a YAML file may have; JSON is read faster and may have more."""
LONGEST_NUMBER: Final = 300
"""How many digits a number may have."""

_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan")
_INT: Final = re.compile(r"[-+]?[0-9]+")
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_FIRST: Final = frozenset("-+.0123456789")
_NAMES: Final = (
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), "tf"),
    ("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""]),
    ("tag:yaml.org,2002:int", re.compile(rf"^(?:{_INT.pattern})$"), "-+0123456789"),
    ("tag:yaml.org,2002:float", re.compile(rf"^(?:{_FLOAT.pattern})$"), "-+.0123456789"),
)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the format, draft 2020-12.

    >>> schema()["properties"]["cidmesa"]
    {'const': 1, 'description': 'The version of the format.'}
    """
    text = files("cidmesa.interop").joinpath("cid.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def dumps(obj: CID | CIM | TrainingSetup | Study) -> str:
    """Write as YAML text.

    Examples
    --------
    >>> import cidmesa as cm
    >>> print(dumps(cm.CID([("a", "b")], utilities=["b"])))
    cidmesa: 1
    nodes: [a, b]
    edges:
    - [a, b]
    decisions: []
    utilities: [b]
    <BLANKLINE>
    """
    import yaml

    base: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml where PyYAML has it

    class Dumper(base):  # type: ignore[misc]  # chosen at run time
        yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  (a class attribute of yaml's own)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Dumper, value: str) -> Any:
        plain = value.isprintable()  # line breaks of any alphabet are not: write them as escapes
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')

    for tag, pattern, first in _NAMES:
        Dumper.add_implicit_resolver(tag, pattern, list(first))
    Dumper.add_representer(str, text)
    return yaml.dump(
        as_plain(obj), Dumper=Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )


def as_json(obj: CID | CIM | TrainingSetup | Study) -> str:
    """Write as JSON text."""
    return json.dumps(as_plain(obj), indent=1, ensure_ascii=False) + "\n"


def loads(text: str, *, name: str = "text") -> CID | CIM | TrainingSetup | Study:
    r"""Read YAML or JSON text; `name` is what errors call it.

    Examples
    --------
    >>> loads("{cidmesa: 1, edges: [[a, b]], utilities: [b]}").utilities
    ('b',)
    >>> loads("cidmesa: 1\nedges:\n- [a, b]\n- [b, a]")
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: text, line 3, column 1 (edges): a causal influence diagram has no cycle, ...
    """
    if len(text) > MOST_BYTES:
        raise FileFormatError(
            f"{name}: {len(text):,} characters, and a file has at most {MOST_BYTES:,}: split the diagram."
        )
    if text.lstrip()[:1] == "{" and json_parts(text) > MOST_JSON_PARTS:
        raise FileFormatError(f"{name}: more than {MOST_JSON_PARTS:,} entries: split the diagram.")
    data = _from_json(text)
    if data is None:
        data = _Events(text, name).data()

    def fail(where: Where, words: str) -> NoReturn:
        places = _Events(text, name, places=True)
        places.data()
        known = next((where[:n] for n in range(len(where), 0, -1) if where[:n] in places.found), ())
        at = places.found.get(known)
        line = f", line {at[0]}, column {at[1]}" if at else ""
        path = ".".join(str(key)[:60] for key in where if isinstance(key, str))
        raise FileFormatError(f"{name}{line}{f' ({path})' if path and path not in words else ''}: {words}")

    return from_plain(data, fail)


def _from_json(text: str) -> Any:
    """Read JSON the fast way; ``None`` where YAML's reader is to read it or to say what is wrong with it."""
    if text.lstrip()[:1] != "{" or "\n---" in text:
        return None
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_int=_whole, parse_constant=_nothing)
    except (ValueError, RecursionError):
        return None
    return found if _depth_of(found) <= DEEPEST else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError
    return int(text)


def _nothing(text: str) -> Any:
    raise ValueError


def _depth_of(data: Any) -> int:
    depth, level = 0, [data]
    while level:
        depth += 1
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, dict | list)
        ]
    return depth


class _Events:
    """Makes plain data of a YAML file, event by event; with `places` it remembers where every entry stands."""

    def __init__(self, text: str, name: str, *, places: bool = False) -> None:
        self.text, self.name, self.places = text, name, places
        self.found: dict[Where, tuple[int, int]] = {}

    def fail(self, event: Any, words: str) -> NoReturn:
        mark = event.start_mark
        raise FileFormatError(f"{self.name}, line {mark.line + 1}, column {mark.column + 1}: {words}")

    def data(self) -> Any:
        """Return the data, ``None`` for an empty file."""
        import yaml

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            return self._build(yaml, yaml.parse(self.text, Loader=loader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error).splitlines()[0]
            at = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
            raise FileFormatError(f"{self.name}{at}: not YAML: {problem[:200]}.") from None
        except RecursionError:
            raise FileFormatError(f"{self.name}: nested too deeply.") from None

    def _build(self, yaml: Any, events: Any) -> Any:
        root: Any = None
        documents = parts = 0
        stack: list[tuple[Any, Where]] = []  # the open mappings and lists, each with its path
        keys: list[Any] = []  # for every open one the key that waits for its value, _NONE if none does
        scalar, sequence, mapping = yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent
        ends = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
        for event in events:
            kind = type(event)
            if kind is scalar or kind is sequence or kind is mapping:
                parts += 1
                if event.anchor is not None or event.tag is not None or parts > MOST_PARTS:
                    self._refuse(event, parts)
                value: Any = [] if kind is sequence else {}
                if kind is scalar:
                    value = self._scalar(event) if event.implicit[0] and not event.style else event.value
                path = self._put(event, value, stack, keys, is_scalar=kind is scalar)
                if not stack:
                    root = value
                if kind is not scalar:
                    stack.append((value, path))
                    keys.append(_NONE)
                    if len(stack) > DEEPEST:
                        self.fail(event, "nested too deeply.")
            elif kind in ends:
                stack.pop()
                keys.pop()
            elif kind is yaml.AliasEvent:
                self.fail(event, "anchors and aliases are not read; write it out.")
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self.fail(event, "a file holds one document.")
        return root

    def _refuse(self, event: Any, parts: int) -> NoReturn:
        if parts > MOST_PARTS:
            self.fail(event, f"more than {MOST_PARTS:,} entries: write it as JSON, which is read faster.")
        if event.anchor is not None:
            self.fail(event, "anchors and aliases are not read; write it out.")
        self.fail(event, f"plain data has no tags; got {event.tag[:80]}.")

    def _put(
        self, event: Any, value: Any, stack: list[tuple[Any, Where]], keys: list[Any], *, is_scalar: bool
    ) -> Where:
        """Put a value where it belongs, and return its path."""
        if not stack:
            return ()
        whole, path = stack[-1]
        if isinstance(whole, list):
            here = (*path, len(whole)) if self.places else _UNKNOWN
            if self.places:
                self.found[here] = (event.start_mark.line + 1, event.start_mark.column + 1)
            whole.append(value)
            return here
        if keys[-1] is _NONE:
            if not is_scalar:
                self.fail(event, "a key is a text or a number.")
            if value in whole:
                self.fail(event, f"`{value}` is written twice.")
            keys[-1] = value
            if self.places:
                self.found[*path, value] = (event.start_mark.line + 1, event.start_mark.column + 1)
            return _UNKNOWN
        key, keys[-1] = keys[-1], _NONE
        whole[key] = value
        return (*path, key) if self.places else _UNKNOWN

    def _scalar(self, event: Any) -> Any:
        """Return what a text without quotes stands for."""
        text: str = event.value
        if text[:1] not in _FIRST:
            return _WORDS.get(text, text)
        if _INT.fullmatch(text):
            if len(text) > LONGEST_NUMBER:
                self.fail(event, f"a number has at most {LONGEST_NUMBER} digits.")
            return int(text)
        if len(text) <= 2 * LONGEST_NUMBER and _FLOAT.fullmatch(text):
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        return text


_NONE: Final = object()
_UNKNOWN: Final[Where] = ("?",)
