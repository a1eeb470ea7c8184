"""The form of a file of recipients: CSV or NDJSON, its encoding, its delimiter, and a digest of its bytes.

Promises: found out in one pass and constant memory, and never guessed where it was given. Leaves the rows to `rows`.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from relevo.campaigns.refused import MappingError
from schemas.record import Frozen

Kind = Literal["csv", "ndjson"]

UTF8, WESTERN = "utf-8-sig", "cp1252"
LINE_MAX = 1 << 20
_DELIMITERS = ",;\t|"
_SUFFIXES: dict[str, Kind] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
_READ_BYTES = 1 << 20
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_FOREIGN = re.compile(r"[^\x00-\x7f\udc80-\udcff]")


class Form(Frozen):
    """How to read a file; `digest` is of its bytes."""

    kind: Kind
    encoding: str
    delimiter: str
    digest: str


def form_of(file: Path, *, encoding: str = "", delimiter: str = "") -> Form:
    """What the file is. Raises MappingError."""
    if delimiter and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise MappingError(f"a delimiter is one character, not {delimiter!r}")
    try:
        found, digest = _encoding(file)
    except OSError as error:
        raise MappingError(f"{file} cannot be read: {error.strerror}") from error
    kind = _SUFFIXES.get(file.suffix.lower()) or _kind(file)
    if kind == "ndjson":
        if encoding and codec(encoding) != codec("utf-8"):
            raise MappingError(f"JSON is UTF-8, not {encoding}")
        return Form(kind=kind, encoding=UTF8, delimiter="", digest=digest)
    used = (UTF8 if codec(encoding) == codec("utf-8") else encoding) if encoding else found
    return Form(kind=kind, encoding=used, delimiter=delimiter or _delimiter(file, used), digest=digest)


def codec(name: str) -> str:
    """The usual name of an encoding. Raises MappingError."""
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise MappingError(f"no encoding is called {name!r}; usual are utf-8 and cp1252") from None


def text_lines(file: Path, encoding: str) -> Iterator[tuple[str, bool]]:
    """The lines with their ends, and whether a line was cut for being longer than a MiB.

    Bytes that the encoding has not become lone surrogates (of UTF-16: U+FFFD).
    """
    errors = "replace" if codec(encoding).startswith(("utf-16", "utf-32")) else "surrogateescape"
    with file.open(encoding=encoding, errors=errors, newline="") as stream:
        while line := stream.readline(LINE_MAX):
            cut = False
            while len(line) >= LINE_MAX and not line.endswith(("\n", "\r")):
                more = stream.readline(LINE_MAX)
                if not more:
                    break
                cut = True
                if more.endswith(("\n", "\r")):
                    break
            yield line, cut


def _encoding(file: Path) -> tuple[str, str]:
    """The encoding and the digest. A file that is no UTF-8 but for a few bytes is UTF-8 with bad rows."""
    content, decoder = hashlib.blake2b(digest_size=16), codecs.getincrementaldecoder("utf-8")("surrogateescape")
    bom, broken, foreign = b"", 0, 0
    with file.open("rb") as stream:
        while part := stream.read(_READ_BYTES):
            bom = bom or part[:4]
            content.update(part)
            text = decoder.decode(part)
            if not text.isascii():
                broken += len(_ESCAPED.findall(text))
                foreign += len(_FOREIGN.findall(text))
    broken += len(decoder.decode(b"", final=True))
    if bom.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", content.hexdigest()
    return (WESTERN if broken > foreign else UTF8), content.hexdigest()


def _kind(file: Path) -> Kind:
    with file.open("rb") as stream:
        first = stream.read(64).removeprefix(codecs.BOM_UTF8).lstrip()
    return "ndjson" if first.startswith(b"{") else "csv"


def _delimiter(file: Path, encoding: str) -> str:
    """The one that cuts the header into most columns."""
    header = next(text_lines(file, encoding), ("", False))[0]
    return max(_DELIMITERS, key=lambda one: len(next(csv.reader([header], delimiter=one), [])))
