"""The versions whose records are kept, each in a folder of `schemas/versions`, and that of the present code, `next`.

`next` is made again with every change; a release makes a copy of it under its own name, which never changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from relevo.records.derived import Sealed, derived, sealed
from relevo.records.example import Example, Filler, Wire
from relevo.records.kept import AGENT, Kept, things
from relevo.records.shape import Shape, Structs, shape_of
from schemas import topics

ROOT = Path(topics.__file__).parent
FOLDER = ROOT / "versions"
NEXT = "next"
SEALS = "released.json"
SHAPES = "shapes.json"
_HAND_MADE = ROOT / "examples"


class Topic(msgspec.Struct, frozen=True):
    """What of a topic must not change under records that stand there."""

    partitioned_by: str
    partitions: int
    compacted: bool


class Version(msgspec.Struct, frozen=True):
    """What a version's records are like; `examples` by thing."""

    structs: Structs
    shapes: dict[str, Shape]
    topics: dict[str, Topic]
    derived: dict[str, str]
    sealed: Sealed | None = None
    examples: dict[str, list[Example]] = {}

    @classmethod
    def read(cls, folder: Path) -> Version:
        """The version of a folder."""
        found = msgspec.json.decode((folder / SHAPES).read_bytes(), type=cls)
        files = sorted(folder.glob("*/*.json"))
        examples: dict[str, list[Example]] = {}
        for file in files:
            for one in msgspec.json.decode(file.read_bytes(), type=list[Example]):
                examples.setdefault(one.of, []).append(one)
        return msgspec.structs.replace(found, examples=examples)

    @classmethod
    def present(cls, kept: Mapping[str, Kept] | None = None) -> Version:
        """What the present code is like."""
        structs: Structs = {}
        kept = things() if kept is None else kept
        shapes = {name: shape_of(one.kind, structs) for name, one in kept.items()}
        return cls(
            structs=structs,
            shapes=shapes,
            topics=_topics(),
            derived=derived(),
            examples={name: _examples(name, one, shapes[name], structs) for name, one in kept.items()},
        )


def files(version: Version) -> dict[str, bytes]:
    """The files of a version, by their path in its folder."""
    bare = msgspec.structs.replace(version, examples={})
    found = {SHAPES: _lines(bare, 4)}
    for name, examples in version.examples.items():
        topic, _, part = name.partition("/")
        found[f"{topic.replace(' ', '-')}/{part.replace(' ', '-') or 'records'}.json"] = _lines(examples, 1)
    return found


def stale(folder: Path = FOLDER) -> list[str]:
    """Files of `next` that are not what the code says. A secret is encrypted anew each time, so that one is kept."""
    said, there = files(_present(folder)), _there(folder / NEXT)
    return [f"{NEXT}/{name}" for name in sorted(said.keys() | there.keys()) if said.get(name) != there.get(name)]


def write(folder: Path = FOLDER) -> list[str]:
    """Make `next` what the code says; gives the files that changed."""
    changed, said = stale(folder), files(_present(folder))
    for name in changed:
        path = folder / name
        if (body := said.get(name.partition("/")[2])) is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return changed


class ReleasedError(Exception):
    """A version is kept already, or what is kept of it is not what was."""


def release(name: str, folder: Path = FOLDER) -> list[str]:
    """Keep what `next` is as the version `name`. Raises `ReleasedError` for one that is kept, and writes nothing."""
    seals = released(folder)
    if name == NEXT or name in seals or (folder / name).exists():
        raise ReleasedError(f"version {name} is kept already, and what was released does not change")
    if old := stale(folder):
        raise ReleasedError(f"{old[0]} is stale: run python -m relevo.records --write first")
    there = _there(folder / NEXT)
    for path, body in there.items():
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_bytes(body)
    in_order = msgspec.json.encode(seals | {name: seal(folder / name)})  # of release: names do not sort like versions
    (folder / SEALS).write_bytes(msgspec.json.format(in_order, indent=1) + b"\n")
    return [f"{name}/{path}" for path in there]


def released(folder: Path = FOLDER) -> dict[str, str]:
    """The seals of all versions that are kept, oldest first."""
    path = folder / SEALS
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}


def seal(folder: Path) -> str:
    """What stands for all files of a version."""
    told = hashlib.sha256()
    for path, body in sorted(_there(folder).items()):
        told.update(f"{path} {len(body)} ".encode() + body)
    return told.hexdigest()


def _present(folder: Path) -> Version:
    before = folder / NEXT / SHAPES
    kept = msgspec.json.decode(before.read_bytes(), type=Version).sealed if before.exists() else None
    return msgspec.structs.replace(Version.present(), sealed=kept if kept and kept.opens else sealed())


def _there(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.json"))}


def _lines(value: Any, depth: int) -> bytes:
    """As JSON that a person can compare: down to `depth` each member has a line of its own, so an example or a field is
    one line."""
    return _opened(msgspec.json.decode(msgspec.json.encode(value, order="deterministic")), depth) + b"\n"


def _opened(value: Any, depth: int, inside: bytes = b"") -> bytes:
    if not depth or not isinstance(value, dict | list) or not value:
        return msgspec.json.encode(value)
    deeper = inside + b" "
    if isinstance(value, list):
        members, ends = [_opened(one, depth - 1, deeper) for one in value], (b"[", b"]")
    else:
        named = ((msgspec.json.encode(name), one) for name, one in value.items())
        members, ends = [name + b": " + _opened(one, depth - 1, deeper) for name, one in named], (b"{", b"}")
    return ends[0] + b"\n" + b",\n".join(deeper + one for one in members) + b"\n" + inside + ends[1]


def _topics() -> dict[str, Topic]:
    return {
        name: Topic(one.partitioned_by, one.count(topics.PRODUCTION), "compact" in one.cleanup)
        for name, one in topics.catalogue((AGENT,)).items()
    }


def _examples(name: str, kept: Kept, shape: Shape, structs: Structs) -> list[Example]:
    """Those that are made of the type, those made by hand, and bodies that others made. What is meant is what the
    version itself reads in them."""
    by_hand = [(one.name.removesuffix(".json"), one.read_bytes()) for one in sorted((_HAND_MADE / name).glob("*.json"))]
    wires = [(which, kept.write(one)) for which, one in records(kept, shape, structs)]
    wires += [(which, Wire(body)) for which, body in [*by_hand, *kept.bodies.items()]]
    return [Example.made(name, which, kept.read(wire), wire) for which, wire in wires]


def records(kept: Kept, shape: Shape, structs: Structs) -> list[tuple[str, Any]]:
    """Values of each type of a thing, by what they show."""
    if kept.bodies:
        return []
    found = []
    for one in shape[1:] if shape[0] == "union" else (shape[1],):
        tag = structs[one[1] if shape[0] == "union" else one].get("tag", ["", ""])[1]
        only = ["struct", one[1] if shape[0] == "union" else one]
        for which, value in Filler(structs).all(only, dict(kept.fixed)):
            record = msgspec.json.decode(msgspec.json.encode(value), type=kept.kind)
            found.append((f"{tag}/{which}" if tag else which, record))
    return found
