"""Files that want to do harm: refused with words, within two seconds and in little memory, and nothing in them runs."""

from __future__ import annotations

import gzip
import os
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import cidmesa as cm
from cidmesa.interop.files import from_bytes
from cidmesa.interop.formats.network import Options
from tests.interop import fuzzing
from tests.strategies import examples

HEAD = "cidmesa: 1\nedges: [[a, b]]\nmechanisms:\n  a: {uniform: [0, 1]}\n"
NAMES = ", ".join(f"n{i}" for i in range(31))
WIDE = (
    "cidmesa: 1\nedges: [" + ", ".join(f"[n{i}, b]" for i in range(30)) + "]\nmechanisms:\n"
    + "".join(f"  n{i}: {{uniform: [0, 1]}}\n" for i in range(30))
)  # fmt: skip
XML = '<?xml version="1.0"?>\n'
LAUGHS = XML + (
    '<!DOCTYPE BIF [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]><BIF><NETWORK><NAME>&j;</NAME></NETWORK></BIF>"
)
BIG_BIF = "network x { }\n" + "".join(f"variable n{i} {{ type discrete [2] {{ a, b }}; }}\n" for i in range(31))
BIG_NET = "".join(f'node n{i} {{ states = ("a" "b"); }}\n' for i in range(31))
BIG_DNE = "bnet x {" + "".join(
    f"node n{i} {{ kind = NATURE; states = (a, b); probs = (0.5, 0.5); }};" for i in range(31)
)
CHAIN = "".join(f'<utility id="u{i}"><utilities>1</utilities></utility>' for i in range(2)) + "".join(
    f'<mau id="m{i}"><parents>{f"m{i - 1} m{i - 2}" if i > 1 else "u0 u1"}</parents></mau>' for i in range(200)
)

PRODUCTS = (
    'idiagram "x" { '
    + "".join(
        f"node p{i}(continuous) {{ kind-of-node = {'utility' if i < 2 else 'super-value'}; }} " for i in range(200)
    )
    + "relation p0 { values = table (3); } relation p1 { values = table (3); } "
    + "".join(f"relation p{i} p{i - 1} p{i - 2} {{ values = function Product(); }} " for i in range(2, 200))
    + "}"
)

HOSTILE = {
    "own: deep lists": (".yaml", "[" * 1_000_000),
    "own: deep mappings": (".yaml", "{a: " * 300_000),
    "own: deep dashes": (".yaml", "- " * 500_000),
    "own: deep blocks": (".yaml", "".join(" " * i + "-\n" for i in range(2000))),
    "own: deep JSON": (".json", '{"cidmesa": ' + "[" * 200_000 + "]" * 200_000 + "}"),
    "own: alias bomb": (
        ".yaml",
        "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{b}, *{b}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)),
    ),
    "own: merge keys": (".yaml", "a: &a {x: 1}\nb:\n  <<: *a\n"),
    "own: code": (".yaml", "cidmesa: !!python/object/apply:os.system [touch harm]\n"),
    "own: huge power": (".yaml", HEAD + '  b: {expression: "9**9**9**9", domain: [0, 1]}\n'),
    "own: huge power of a parent": (".yaml", HEAD + '  b: {expression: "(9 + a)**999999999", domain: [0, 1]}\n'),
    "own: huge power in a table": (".yaml", HEAD + '  b: {domain: [0, 1], table: [["9**9**9", 0], [1, 0]]}\n'),
    "own: many terms": (".yaml", HEAD + '  b: {domain: [0, 1], table: [["(p+q+r+s+t+u+v+w)**60", 0], [1, 0]]}\n'),
    "own: towers of functions": (
        ".yaml",
        HEAD + f'  b: {{domain: [0, 1], table: [["{"exp(" * 40}9{")" * 40}", 0], [1, 0]]}}\n',
    ),
    "own: factorials by products": (
        ".yaml",
        HEAD + f'  b: {{expression: "{"*".join(["9" * 300] * 20)}", domain: [0, 1]}}\n',
    ),
    "own: long text times number": (".yaml", HEAD + "  b: {expression: \"'ab' * 999999999\", domain: [0, 1]}\n"),
    "own: python in an expression": (
        ".yaml",
        HEAD + "  b: {expression: \"__import__('os').mkdir('harm')\", domain: [0, 1]}\n",
    ),
    "own: deep expression": (".yaml", HEAD + f'  b: {{expression: "{"(" * 4000}1{")" * 4000}", domain: [0, 1]}}\n'),
    "own: signs": (".yaml", HEAD + f'  b: {{expression: "{"-" * 9000}1", domain: [0, 1]}}\n'),
    "own: 10^9 entries, uniform": (".yaml", WIDE + "  b: {uniform: [0, 1]}\n"),
    "own: 10^9 entries, expression": (".yaml", WIDE + "  b: {domain: [0, 1], expression: 1}\n"),
    "own: 10^9 entries, map": (".yaml", WIDE + "  b: {domain: [0, 1], map: 1}\n"),
    "own: many steps": (
        ".yaml",
        WIDE + f"  b: {{domain: [0, 1], expression: {'+'.join(f'n{i}' for i in range(30))}}}\n",
    ),
    "own: 10^6 digits": (".yaml", "cidmesa: " + "9" * 1_000_000),
    "own: 10^6 digits in JSON": (".json", '{"cidmesa": ' + "9" * 1_000_000 + "}"),
    "own: 10^6 digits in an expression": (
        ".yaml",
        HEAD + f'  b: {{expression: "{"9" * 1_000_000}", domain: [0, 1]}}\n',
    ),
    "own: NUL": (".yaml", "cidmesa: 1\0\n"),
    "own: long key": (".yaml", "cidmesa: 1\n" + "k" * 1000 + ": 1\n"),
    "own: long cycle": (
        ".yaml",
        "cidmesa: 1\nedges: [" + ", ".join(f"[n{i}, n{(i + 1) % 20000}]" for i in range(20000)) + "]\n",
    ),
    "own: many entries": (".yaml", "cidmesa: 1\nnodes: [" + "1," * 900_000 + "]"),
    "own: long layer list": (
        ".yaml",
        "cidmesa: 1\nbodies: {a: {encoders: {d: {parity: 60}}}}\nedges: [[d, u]]\ndecisions: [d]\nutilities: [u]\n",
    ),
    "xml: billion laughs": (".bifxml", LAUGHS),
    "xml: external entity": (
        ".xdsl",
        XML + '<!DOCTYPE smile [<!ENTITY x SYSTEM "file:///etc/passwd">]><smile id="&x;"><nodes/></smile>',
    ),
    "xml: external type": (".pgmx", XML + '<!DOCTYPE ProbModelXML SYSTEM "http://localhost/x.dtd"><ProbModelXML/>'),
    "xml: parameter entity": (".xml", XML + '<!DOCTYPE BIF [<!ENTITY % x SYSTEM "file:///dev/zero"> %x;]><BIF/>'),
    "xml: deep": (".xml", "<a>" * 300_000),
    "xml: long text": (
        ".xdsl",
        "<smile><nodes><cpt id='a'><state id='x'/><probabilities>"
        + "9" * 1_000_000
        + "</probabilities></cpt></nodes></smile>",
    ),
    "xml: chain of sums": (".xdsl", f"<smile><nodes>{CHAIN}</nodes></smile>"),
    "xml: NUL": (".xml", "<BIF>\0</BIF>"),
    "xml: many elements": (".bifxml", "<BIF>" + "<a/>" * 201_000 + "</BIF>"),
    "xml: many attributes": (".xdsl", "<smile " + " ".join(f"a{i}=''" for i in range(401_000)) + "/>"),
    "xml: many numbers": (".pgmx", "<ProbModelXML>" + "1 " * 1_700_000 + "</ProbModelXML>"),
    "net: many words": (".net", "a " * 1_700_000),
    "jgum: many entries": (".jgum", '{"type": "ID", "chance": [' + "[]," * 1_600_000 + "[]]}"),
    "own: many entries in JSON": (".json", '{"cidmesa": 1, "nodes": [' + "[]," * 1_600_000 + "[]]}"),
    "bif: 10^9 entries": (".bif", BIG_BIF + f"probability (n0 | {NAMES[4:]}) {{ default 0.5, 0.5; }}\n"),
    "bif: 10^9 rows by stars": (
        ".bif",
        BIG_BIF + f"probability (n0 | {NAMES[4:]}) {{ ({', '.join('*' * 30)}) 0.5, 0.5; }}\n",
    ),
    "bif: many states": (".bif", "variable a { type discrete [1000000000] { a }; }"),
    "bif: unclosed comment": (".bif", "/*" * 500_000),
    "bif: unclosed text": (".bif", '"' + "\\" * 1_000_000),
    "net: 10^9 entries": (
        ".net",
        BIG_NET + f"potential (n0 | {' '.join(f'n{i}' for i in range(1, 31))}) {{ data = (0.5 0.5); }}",
    ),
    "net: deep": (".net", "potential (a) { data = " + "(" * 1_000_000),
    "dne: 10^9 entries": (
        ".dne",
        BIG_DNE + f"node b {{ kind = NATURE; states = (a, b); parents = ({NAMES}); probs = (0.5); }}; }};",
    ),
    "dne: many states": (".dne", "bnet x { node a { kind = NATURE; numstates = 999999999; }; };"),
    "dne: many comment marks": (".dne", "//" * 2000 + " x"),
    "dne: many comments": (".txt", "/* */ " * 300_000 + "x"),
    "xdsl: 10^9 entries, noisy": (
        ".xdsl",
        "<smile><nodes>"
        + "".join(f'<decision id="n{i}"><state id="a"/><state id="b"/></decision>' for i in range(30))
        + f'<noisymax id="x"><state id="a"/><state id="b"/><parents>{" ".join(f"n{i}" for i in range(30))}</parents>'
        + f"<strengths>{'0 1 ' * 30}</strengths><parameters>{'0.5 0.5 ' * 61}</parameters></noisymax></nodes></smile>",
    ),
    "dne: deep": (".dne", "bnet a { " + "b { " * 300_000),
    "uai: many variables": (".uai", "ID 1000000 2 2"),
    "uai: many values": (".uai", "BAYES 2 100000 100000 1 2 0 1 10000000000"),
    "uai: many entries": (".uai", "BAYES 1 2 1 1 0 99999999 0.5"),
    "jgum: deep": (".jgum", '{"type": "ID", "chance": ' + "[" * 200_000),
    "jgum: many values": (
        ".jgum",
        '{"type": "ID", "chance": ["A[1000000000]"], "utility": [], "decision": [], "parents": {}}',
    ),
    "jgum: many steps": (
        ".jgum",
        '{"type": "ID", "chance": ["A{1:2:1e15}"], "utility": [], "decision": [], "parents": {}}',
    ),
    "jgum: not a number": (
        ".jgum",
        '{"type": "ID", "chance": ["A[2]"], "utility": [], "decision": [], "parents": {}, "cpt": {"A": [NaN, 1]}}',
    ),
    "elv: chain of products": (".elv", PRODUCTS),
    "elv: deep": (".elv", 'idiagram "x" { node a { states = ' + "(" * 1_000_000),
    "elv: 10^9 entries": (
        ".elv",
        "bnet x {"
        + "".join(f"node n{i}(finite-states) {{ num-states = 2; }}" for i in range(31))
        + f"relation {' '.join(f'n{i}' for i in range(31))} {{ values = table (0.5); }} }}",
    ),
    "efg: endless": (".efg", 'EFG 2 R "x" { "a" "b" }\n' + 'p "" 1 1 "" { "l" "r" } 0\n' * 200_000),
    "efg: ratio of long numbers": (
        ".efg",
        'EFG 2 R "x" { "a" }\nt "" 1 "" { ' + "9" * 500_000 + "/" + "7" * 500_000 + " }",
    ),
    "efg: division by zero": (".efg", 'EFG 2 R "x" { "a" }\nt "" 1 "" { 1/0 }'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_time_and_little_memory(
    name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ending, text = HOSTILE[name]
    data = text.encode()
    start = time.process_time()
    if name == "xml: chain of sums":
        assert isinstance(from_bytes(data, f"x{ending}", Options()), cm.CIM)  # big, and still right
    else:
        with pytest.raises(cm.CidmesaError) as caught:
            from_bytes(data, f"x{ending}", Options())
        assert len(str(caught.value)) < 1200
    assert time.process_time() - start < (10.0 if sys.gettrace() else 2.0)  # a tracer, as for coverage, costs time
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", [name for name in HOSTILE if "10^9" in name or "laughs" in name])
def test_memory_stays_bounded(name: Any) -> None:
    ending, text = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(cm.CidmesaError):
            from_bytes(text.encode(), f"x{ending}", Options())
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    outside, inside = tmp_path / "out.cid.yaml", tmp_path / "in" / "here.cid.yaml"
    cid = cm.CID([("a", "b")])
    cm.write(cid, outside)
    cm.write(cid, inside)
    (tmp_path / "in" / "good.cid.yaml").symlink_to("here.cid.yaml")
    assert cm.read(tmp_path / "in" / "good.cid.yaml") == cid
    (tmp_path / "in" / "bad.cid.yaml").symlink_to(outside)
    with pytest.raises(cm.FileFormatError, match="a link out of its folder"):
        cm.read(tmp_path / "in" / "bad.cid.yaml")
    with pytest.raises(cm.FileFormatError, match="a folder"):
        cm.read(tmp_path)
    os.mkfifo(tmp_path / "pipe.net")
    with pytest.raises(cm.FileFormatError, match="a device or a pipe"):
        cm.read(tmp_path / "pipe.net")
    with pytest.raises(FileNotFoundError):
        cm.read(tmp_path / "none.net")


def test_archives_and_endless_files_are_not_unpacked_or_read(tmp_path: Path) -> None:
    (tmp_path / "bomb.xdsl").write_bytes(gzip.compress(b"<a>" * 10_000_000))
    with pytest.raises(cm.FileFormatError, match=r"compressed \(gzip\): unpack it first"):
        cm.read(tmp_path / "bomb.xdsl")
    with open(tmp_path / "long.net", "wb") as file:
        file.truncate(10**10)  # a sparse file
    with pytest.raises(cm.FileFormatError, match="10,000,000,000 bytes"):
        cm.read(tmp_path / "long.net")


def test_a_written_file_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / "out.cid.yaml").symlink_to(precious)
    cm.write(cm.CID([("a", "b")]), tmp_path / "out.cid.yaml")
    assert precious.read_text() == "keep me"


@pytest.mark.parametrize("ending", [".yaml", *fuzzing.ENDINGS])
def test_damaged_files_are_read_or_refused_and_nothing_else(ending: Any) -> None:
    tally = fuzzing.try_all(ending, examples(quick=200, full=2000), seed=1)
    assert tally.failures == []
    assert tally.read > 0
    assert tally.refused > 0
