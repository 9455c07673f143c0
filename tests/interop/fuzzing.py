"""Damaged and hostile files, drawn at random: each is read or refused, quickly and in bounded memory, and nothing else.

``python -m tests.interop.fuzzing [count for the own format] [count for each other]`` prints the table that
``docs/hostile-files.md`` keeps.
"""

from __future__ import annotations

import random
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cidmesa.errors import CidmesaError
from cidmesa.interop.files import from_bytes
from cidmesa.interop.formats.network import Options

FILES = Path(__file__).parent / "files"
ENDINGS = (".bifxml", ".bif", ".xdsl", ".net", ".dne", ".pgmx", ".elv", ".uai", ".jgum", ".efg")
LONGEST = 2.0
"""Seconds that one file may take."""

_POOL = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", "é\u2028\U0001f600".encode(), b"\x1f\x8b", b"\x7f", b"\r", b"\t",
    b"9" * 400, b"1e999", b"-1e-999", b"nan", b"inf", b"1_0", b"0x10", b"1000000000", b"4294967296", b"-1", b"0",
    b"9**9**9**9", b"1/0", b"2**64", b"1e308*1e308", b"max(", b"a if", b"door", b"noise", b"__import__('os')",
    b"((((", b"))))", b"[" * 80, b"{" * 80, b"- " * 80, b"<a>" * 80, b"(" * 80, b"{}", b"[]", b"()", b"..",
    b"&lol;", b'<!DOCTYPE a [<!ENTITY x "y">]>', b"&#0;", b"&amp;", b"]]>", b"<!--", b"-->",
    b"&x ", b"*x", b"!!python/name:os.system ", b"!<tag:yaml.org,2002:str>", b"? ", b"---\n", b"...\n", b"%YAML 9.9\n",
    b"'", b'"', b"\\", b"\\u0000", b"//", b"/*", b"*/", b"%", b"#", b"#99999999", b"@imposs", b"true", b"null",
]  # fmt: skip


@dataclass
class Tally:
    """What became of the files of one format."""

    name: str
    tried: int = 0
    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    failures: list[tuple[bytes, str]] = field(default_factory=list)

    def row(self) -> str:
        """Return a row of the table."""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        shown = f"{self.tried:,} | {self.read:,} | {self.refused:,} | {len(self.failures)}"
        return f"| `{self.name}` | {shown} | {self.slowest:.2f} s | {memory} MiB |"


def seeds(ending: str) -> list[bytes]:
    """Return the whole files that are damaged."""
    return [path.read_bytes() for path in sorted(FILES.glob(f"*{ending}"))]


def mutations(starts: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield damaged files: pieces cut, doubled, moved, swapped between files, replaced by something nasty."""
    draw = random.Random(seed)
    for _ in range(count):
        data = draw.choice(starts)
        for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
            data = _damaged(data, starts, draw)
        yield data


def _damaged(data: bytes, starts: list[bytes], draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    to = min(len(data), at + draw.choice((0, 1, 1, 2, 5, 20, 100)))
    way = draw.randrange(8)
    if way == 0:
        return data[:at] + data[to:]
    if way == 1:
        return data[:to] + data[at:]
    if way == 2:
        return data[:at] + draw.choice(_POOL) + data[to:]
    if way == 3:
        return data[:at] + data[at:to] * draw.choice((2, 10, 200)) + data[to:]
    if way == 4:
        other = draw.choice(starts)
        start = draw.randrange(len(other) + 1)
        return data[:at] + other[start : start + draw.choice((5, 50, 500))] + data[to:]
    if way == 5 and at < len(data):
        return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]
    if way == 6:
        lines = data.split(b"\n")
        i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
        lines[i], lines[j] = lines[j], lines[i]
        return b"\n".join(lines)
    words = [i for i, byte in enumerate(data) if byte in b"0123456789"]
    if not words:
        return data
    at = draw.choice(words)
    return data[:at] + draw.choice((b"9", b"0", b"-3", b"1e300", b"7" * 30, b"a")) + data[at + 1 :]


def try_all(ending: str, count: int, seed: int = 0) -> Tally:
    """Read `count` damaged files of one format."""
    warnings.simplefilter("error")
    starts = seeds(ending)
    tally = Tally(ending)
    options = Options(normalise=True) if ending != ".yaml" else Options()
    for data in mutations(starts, count, seed):
        tally.tried += 1
        start = time.process_time()
        try:
            from_bytes(data, f"x{ending}", options)
            tally.read += 1
        except CidmesaError as error:
            tally.refused += 1
            if len(str(error)) > 1200:
                tally.failures.append((data, f"a message of {len(str(error))} characters"))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            tally.failures.append((data, f"{type(error).__name__}: {str(error)[:200]}"))
        spent = time.process_time() - start
        tally.slowest = max(tally.slowest, spent)
        if spent > LONGEST:
            tally.failures.append((data, f"{spent:.1f} s"))
    return tally


if __name__ == "__main__":
    own, other = (int(word) for word in (*sys.argv[1:], "100000", "20000")[:2])
    print("| format | files | read | refused | failed | slowest | memory |\n|---|---|---|---|---|---|---|")
    for suffix, many in ((".yaml", own), *((suffix, other) for suffix in ENDINGS)):
        result = try_all(suffix, many)
        print(result.row(), flush=True)
        for data, words in result.failures[:10]:
            print(f"    {words}: {data[:3000]!r}", file=sys.stderr)
