"""Versions understand each other's records: what earlier ones wrote is kept, and compared with what is written now."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

import schemas
from relevo.records import version
from relevo.records.__main__ import main
from relevo.records.example import Wire
from relevo.records.grown import GROWN
from relevo.records.judge import after, beside, differences
from relevo.records.kept import Kept, things, uncovered
from relevo.records.version import FOLDER, Version
from schemas.record import Record, encode

THINGS = things()
PRESENT = Version.present()
KEPT = list(version.released())


# -- the present version


def test_examples_of_the_present_version_are_what_the_code_writes() -> None:
    assert version.stale() == [], "run python -m relevo.records --write"


def test_every_topic_has_examples() -> None:
    assert uncovered(set(THINGS)) == []
    assert all(PRESENT.examples[name] for name in THINGS)


def test_a_topic_without_examples_is_named() -> None:
    assert uncovered(set(THINGS) - {"pauses"}) == ["pauses"]
    assert "outbound.replies.dlq" in uncovered(set(THINGS) - {"dead letters"})


def _below(kind: type) -> set[type]:
    return {one for child in kind.__subclasses__() for one in (child, *_below(child))}


def test_every_type_of_record_has_examples() -> None:
    """Whatever has subclasses is a base of records alone, but `Said`, which stands in others."""
    ours = {one for one in _below(Record) if one.__module__.startswith(f"{schemas.__name__}.")}
    names = {f"{one.__module__}.{one.__qualname__}" for one in ours if not one.__subclasses__()}
    assert names <= PRESENT.structs.keys()
    tags = {name: {one.name.partition("/")[0] for one in examples} for name, examples in PRESENT.examples.items()}
    for name, shape in PRESENT.shapes.items():
        told = shape[1:] if shape[0] == "union" else []
        assert {PRESENT.structs[one[1]]["tag"][1] for one in told} <= tags[name]


@pytest.mark.parametrize("name", sorted(THINGS))
def test_every_field_is_shown_by_an_example(name: str) -> None:
    """One that is left out shows nothing of how it is written."""
    thing = THINGS[name]
    kinds: dict[type, set[str]] = {}
    for which, record in version.records(thing, PRESENT.shapes[name], PRESENT.structs):
        if "full" in which and hasattr(record, "__struct_fields__"):
            same = {one.name for one in msgspec.structs.fields(record) if getattr(record, one.name) == one.default}
            kinds[type(record)] = kinds.get(type(record), same) & same
    unshown = {field for same in kinds.values() for field in same}
    assert unshown <= set(thing.fixed)


# -- earlier versions


def test_kept_versions_are_what_was_released() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()} - {version.NEXT}
    assert version.released() == {name: version.seal(FOLDER / name) for name in folders}
    assert folders


def test_every_version_of_the_changelog_is_kept() -> None:
    changelog = (FOLDER.parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## v?(\d\S*)", changelog, re.MULTILINE)) <= set(KEPT), "run --release VERSION"


@pytest.mark.parametrize("name", KEPT)
def test_records_of_earlier_versions_mean_what_they_meant(name: str) -> None:
    old = Version.read(FOLDER / name)
    assert sum(map(len, old.examples.values())) > 200
    assert after(old, PRESENT, THINGS) == []


def test_the_version_before_reads_what_is_written_now() -> None:
    assert beside(Version.read(FOLDER / KEPT[-1]), PRESENT, THINGS) == []


def test_what_grew_is_listed_and_nothing_else() -> None:
    came = {(one.place, one.what) for one in differences(Version.read(FOLDER / KEPT[-1]), PRESENT) if one.grew}
    assert came == GROWN.keys()


def test_a_value_that_grew_and_is_not_listed_is_told_by_shape_and_by_reading() -> None:
    told = beside(Version.read(FOLDER / KEPT[-1]), PRESENT, THINGS, {})
    assert "new: InboundEvent.kind: opted_out" in told
    assert any(one.startswith("read by the older: agents.menu") and "'opted_out'" in one for one in told)


# -- breaks that are planted


class Was(Record):
    id: str
    count: int = 3
    state: Literal["open", "shut"] = "open"


class Renamed(Record):
    ident: str
    count: int = 3
    state: Literal["open", "shut"] = "open"


class Retyped(Record):
    id: str
    count: str = "3"
    state: Literal["open", "shut"] = "open"


class Demanding(Record):
    id: str
    at_ms: int
    count: int = 3
    state: Literal["open", "shut"] = "open"


class Narrower(Record):
    id: str
    count: int = 3
    state: Literal["open"] = "open"


class Strict(Record, forbid_unknown_fields=True):
    id: str
    count: int = 3
    state: Literal["open", "shut"] = "open"


class Undefault(Record):
    id: str
    count: int
    state: Literal["open", "shut"] = "open"


class Other(Record):
    id: str
    count: int = 4
    state: Literal["open", "shut"] = "open"


class Optional(Record):
    id: str = ""
    count: int = 3
    state: Literal["open", "shut"] = "open"


class Removed(Record):
    id: str
    count: int = 3


class Wider(Record):
    id: str
    count: int = 3
    state: Literal["open", "shut", "ajar"] = "open"


class Nullable(Record):
    id: str
    count: int | None = 3
    state: Literal["open", "shut"] = "open"


class More(Record):
    id: str
    count: int = 3
    state: Literal["open", "shut"] = "open"
    note: str = ""


class Pair(msgspec.Struct, array_like=True):
    one: str
    other: str


class Swapped(msgspec.Struct, array_like=True):
    other: str
    one: str


class Longer(msgspec.Struct, array_like=True):
    one: str
    other: str
    third: str = ""


def _of(kind: Any) -> tuple[Version, dict[str, Kept]]:
    thing = THINGS["pauses"]._replace(
        kind=kind,
        write=lambda record: Wire(encode(record)),
        read=lambda wire: msgspec.json.decode(wire.value, type=kind),
    )
    kept = {"thing": thing}
    return Version.present(kept), kept


def _told(was: Any, now: Any) -> list[str]:
    old, _ = _of(was)
    new, kept = _of(now)
    return after(old, new, kept) + beside(old, new, kept, {})


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (Was, Renamed, "Was.id: is gone"),
        (Was, Removed, "Removed.state: is gone"),
        (Was, Retyped, "Retyped.count: was int, is str"),
        (Was, Demanding, "Demanding.at_ms: is new and has no default"),
        (Was, Narrower, "Narrower.state: 'shut' is gone"),
        (Was, Strict, "Strict: refuses fields that it does not know"),
        (Was, Undefault, "Undefault.count: has no default any more"),
        (Was, Other, "Other.count: is 4 where it is left out, and was 3"),
        (Was, Optional, "Optional.id: may be left out now"),
        (Was, Wider, "Wider.state: ajar"),
        (Was, Nullable, "Nullable.count: null"),
        (Strict, More, "More.note: is new, and readers of before refuse"),
        (Pair, Swapped, "changed places"),
    ],
)
def test_a_break_is_told(was: Any, now: Any, told: str) -> None:
    said = _told(was, now)
    assert any(told.partition(".")[2] in one for one in said), said


@pytest.mark.parametrize(("was", "now"), [(Was, Was), (Was, More), (Pair, Longer), (More, More)])
def test_what_may_change_is_no_break(was: Any, now: Any) -> None:
    assert _told(was, now) == []


@pytest.mark.parametrize("now", [Other, Swapped])
def test_a_break_is_seen_in_the_examples_alone(now: Any) -> None:
    """Where shapes say nothing, what was meant does."""
    old, _ = _of(Was if now is Other else Pair)
    _, kept = _of(now)
    assert [one for one in after(old, old, kept) if one.startswith("read:")]


def test_other_names_ids_places_and_headers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Version.read(FOLDER / KEPT[-1])
    derived = PRESENT.derived | {"group of egress": "relevo-sending"}
    topics = {name: one for name, one in PRESENT.topics.items() if name != "pauses"}
    topics["outcomes"] = msgspec.structs.replace(topics["outcomes"], partitions=32)
    changed = msgspec.structs.replace(PRESENT, derived=derived, topics=topics)
    dumb = THINGS | {"headers": THINGS["headers"]._replace(write=lambda told: Wire(b""))}
    told = after(old, changed, dumb)
    for said in ("derived: group of egress was 'relevo-egress'", "topic outcomes was", "topic pauses is gone"):
        assert any(one.startswith(said) for one in told)
    assert any(one.startswith("read: headers") and one.endswith("header tenant") for one in told)


def test_a_secret_that_no_longer_opens_is_told() -> None:
    old = Version.read(FOLDER / version.NEXT)
    assert old.sealed is not None
    assert old.sealed.opens
    broken = msgspec.structs.replace(old, sealed=old.sealed._replace(clear="another"))
    assert "derived: a secret that it encrypted does not open" in after(broken, PRESENT, THINGS)


# -- keeping a version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "versions")
    return tmp_path / "versions"


def test_a_release_is_kept_once_and_then_never_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--release", "9.0.0"], folder) == 0
    assert Version.read(folder / "9.0.0") == Version.read(folder / version.NEXT)
    assert list(version.released(folder)) == [*KEPT, "9.0.0"]
    before = version.seal(folder / "9.0.0")
    for name in ("9.0.0", version.NEXT, KEPT[0]):
        assert main(["--release", name], folder) == 1
        assert f"version {name} is kept already" in capsys.readouterr().err
    assert main(["--write"], folder) == 0
    assert main(["--release", "10.0.0"], folder) == 0
    assert list(version.released(folder)) == [*KEPT, "9.0.0", "10.0.0"]
    assert version.seal(folder / "9.0.0") == before


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"[]")])
def test_what_is_not_what_the_code_writes_is_not_released(folder: Path, spoil: Callable[[Path], Any]) -> None:
    spoil(folder / version.NEXT / "pauses" / "records.json")
    assert main(["--check"], folder) == 1
    assert main(["--release", "9.0.0"], folder) == 1
    assert not (folder / "9.0.0").exists()
    assert main(["--write"], folder) == 0
    assert main(["--check"], folder) == 0


def test_a_kept_file_that_was_touched_breaks_its_seal(folder: Path) -> None:
    path = folder / KEPT[0] / "outcomes" / "records.json"
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    assert version.seal(folder / KEPT[0]) != version.released(folder)[KEPT[0]]
