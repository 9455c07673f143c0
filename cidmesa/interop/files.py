"""Files: ``*.cid.yaml``, plain data that people can read, write and compare, and that never runs.

The reader takes the part of YAML that is plain data: mappings, lists, texts, numbers, ``true``, ``false`` and
``null``. ``yes`` and ``no`` are texts. Tags, anchors and aliases are refused, so a file can neither construct objects
nor unfold without end. What is wrong is reported with its line.

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
      reward: {parents: [door, go], table: [[1, 0], [0, 1]]}
    deployments:
      mostly left: {shifts: {door: {categorical: {left: 0.8, right: 0.2}}}}
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from cidmesa.diagram import CID
from cidmesa.errors import FileFormatError
from cidmesa.interop.plain import as_plain
from cidmesa.interop.reader import Where, from_plain
from cidmesa.mesa.setup.training import TrainingSetup
from cidmesa.model import CIM

if TYPE_CHECKING:
    import yaml

_FLOAT: Final = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.inf$|^\.nan$")
_SCALARS: Final = (
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), "tf"),
    ("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""]),
    ("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        _FLOAT,
        "-+.0123456789",
    ),
)
_CORE: Final = {tag for tag, _, _ in _SCALARS} | {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}


def read(path: str | os.PathLike[str]) -> CID | CIM | TrainingSetup:
    """Read a diagram, a model or a training setup from a file.

    Parameters
    ----------
    path
        A YAML file, by custom named ``*.cid.yaml``, or JSON of the same form.

    Returns
    -------
    CID, CIM or TrainingSetup
        A setup if the file has deployments or anything else only setups have; a model if it has mechanisms.

    Raises
    ------
    FileFormatError
        The file is not what it should be; the text names the line.
    OSError
        There is no such file, or it cannot be read.

    Examples
    --------
    >>> import cidmesa as cm, tempfile, pathlib
    >>> cid = cm.CID([("door", "go"), ("go", "reward")], decisions=["go"], utilities=["reward"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read(write(cid, pathlib.Path(folder) / "door.cid.yaml")) == cid
    True
    """
    source = Path(path)
    try:
        text = source.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{source}: not a text file in UTF-8 (byte {error.start}).") from None
    return loads(text, name=str(source))


def write(obj: CID | CIM | TrainingSetup, path: str | os.PathLike[str]) -> Path:
    """Write a diagram, a model or a training setup to a file, all or nothing.

    Functions are written as what they do (see :mod:`cidmesa.interop.plain`), so the file equals the object by its
    tables, not by its code. An existing file is replaced only when the new one is complete.

    Raises
    ------
    FileFormatError
        `obj` is something else, has values that plain data cannot hold, or `path` ends in none of .yaml, .yml, .json.
    """
    target = Path(path)
    if target.suffix not in {".yaml", ".yml", ".json"}:
        raise FileFormatError(f"{target}: a file name ends in .yaml, .yml or .json: {target.stem}.cid.yaml.")
    text = json.dumps(as_plain(obj), indent=1, ensure_ascii=False) + "\n" if target.suffix == ".json" else dumps(obj)
    write_text(target, text)
    return target


def write_text(path: Path, text: str) -> None:
    """Write a text file all or nothing: under another name first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def dumps(obj: CID | CIM | TrainingSetup) -> str:
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

    class Dumper(yaml.SafeDumper):
        yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  (a class attribute of yaml's own)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Dumper, value: str) -> Any:
        plain = value.isprintable()  # line breaks of any alphabet are not: write them as escapes
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')

    _resolve_like_json(Dumper)
    Dumper.add_representer(str, text)
    return yaml.dump(
        as_plain(obj), Dumper=Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )


def loads(text: str, *, name: str = "text") -> CID | CIM | TrainingSetup:
    r"""Read YAML text; `name` is what errors call it.

    Examples
    --------
    >>> loads("{cidmesa: 1, edges: [[a, b]], utilities: [b]}").utilities
    ('b',)
    >>> loads("cidmesa: 1\nedges:\n- [a, b]\n- [b, a]")
    Traceback (most recent call last):
        ...
    cidmesa.errors.FileFormatError: text, line 3: a causal influence diagram has no cycle, ...
    """
    import yaml

    base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]  # chosen at run time: the C parser where PyYAML has it
        yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  (a class attribute of yaml's own)

    _resolve_like_json(Loader)
    lines: dict[Where, int] = {}

    def fail(where: Where, words: str) -> NoReturn:
        known = next((where[:n] for n in range(len(where), -1, -1) if where[:n] in lines), ())
        line = f", line {lines[known]}" if known in lines else ""
        path = ".".join(str(key) for key in where if isinstance(key, str))
        raise FileFormatError(f"{name}{line}{f' ({path})' if path and path not in words else ''}: {words}")

    try:
        for event in yaml.parse(text, Loader=Loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                at = event.start_mark.line + 1 if event.start_mark else "?"
                raise FileFormatError(f"{name}, line {at}: anchors and aliases are not read; write it out.")
        root = yaml.compose(text, Loader=Loader)
        data = None if root is None else _data(root, (), lines, name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise FileFormatError(f"{name}{where}: not YAML: {problem}.") from None
    except RecursionError:
        raise FileFormatError(f"{name}: nested too deeply.") from None
    return from_plain(data, fail)


def _resolve_like_json(cls: type[Any]) -> None:
    """Let `cls` tell texts from numbers as JSON does: no ``yes``, no octals, no dates, no times."""
    for tag, pattern, first in _SCALARS:
        cls.add_implicit_resolver(tag, pattern, list(first))


def _data(node: yaml.Node, where: Where, lines: dict[Where, int], name: str) -> Any:
    """Turn a node into plain data, remembering the line of every entry."""
    import yaml

    line = node.start_mark.line + 1
    lines.setdefault(where, line)
    if node.tag not in _CORE:
        raise FileFormatError(f"{name}, line {line}: plain data has no tags; got {node.tag}.")
    if isinstance(node, yaml.MappingNode):
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _data(key_node, (*where, "?"), {}, name)
            at = key_node.start_mark.line + 1
            if isinstance(key, Mapping | list):
                raise FileFormatError(f"{name}, line {at}: a key is a text or a number; got {key!r}.")
            if key in found:
                raise FileFormatError(f"{name}, line {at}: `{key}` is written twice.")
            lines[*where, key] = at
            found[key] = _data(value_node, (*where, key), lines, name)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_data(item, (*where, i), lines, name) for i, item in enumerate(node.value)]
    if node.tag.endswith(":int"):
        return int(node.value)
    if node.tag.endswith(":float"):
        return float(node.value.replace(".inf", "inf").replace(".nan", "nan"))
    if node.tag.endswith(":bool"):
        return node.value == "true"
    return None if node.tag.endswith(":null") else node.value
