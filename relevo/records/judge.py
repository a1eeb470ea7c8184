"""What stands against running the present version beside an earlier one, or after it, on the same Kafka. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from relevo.records.compare import Comparison, Difference
from relevo.records.example import Example, wanting
from relevo.records.grown import GROWN
from relevo.records.kept import Kept
from relevo.records.reader import Reader
from relevo.records.shape import plain
from relevo.records.version import Version

Grown = Mapping[tuple[str, str], str]


def after(old: Version, present: Version, kept: Mapping[str, Kept]) -> list[str]:
    """What stands against running the present version on what the older one left, each as a line."""
    return [
        *(f"shape: {one}" for one in differences(old, present) if not one.grew),
        *(f"topic {one}" for one in _topics(old, present)),
        *(f"derived: {one}" for one in _derived(old, present)),
        *(f"read: {one}" for one in _read(old, kept)),
    ]


def beside(old: Version, present: Version, kept: Mapping[str, Kept], grown: Grown = GROWN) -> list[str]:
    """What stands against running the older version on what the present one writes: beside it, while services are
    replaced one after the other, or after it, in a step back. `grown` are values that older readers need not know."""
    came = [one for one in differences(old, present) if one.grew]
    return [
        *(f"new: {one}" for one in came if (one.place, one.what) not in grown),
        *(f"read by the older: {one}" for one in _read_by(old, present, kept, grown)),
    ]


def differences(old: Version, present: Version) -> list[Difference]:
    """Of the shapes of all things that the older version knew."""
    comparison = Comparison(old.structs, present.structs)
    found: list[Difference] = []
    for name, shape in old.shapes.items():
        if name in present.shapes:
            found += comparison.shapes(shape, present.shapes[name], name)
        else:
            found.append(Difference(name, "is gone"))
    return found


def _topics(old: Version, present: Version) -> Iterator[str]:
    for name, topic in old.topics.items():
        now = present.topics.get(name)
        if now is None:
            yield f"{name} is gone"
        elif now != topic:
            yield f"{name} was {msgspec.to_builtins(topic)}, is {msgspec.to_builtins(now)}"


def _derived(old: Version, present: Version) -> Iterator[str]:
    for name, text in old.derived.items():
        if present.derived.get(name) != text:
            yield f"{name} was {text!r}, is {present.derived.get(name)!r}"
    if old.sealed and not old.sealed.opens:
        yield "a secret that it encrypted does not open"


def _read(old: Version, kept: Mapping[str, Kept]) -> Iterator[str]:
    """What the present readers see in what the older version wrote, and whether headers would be written so again."""
    for example in (one for name, examples in old.examples.items() if name in kept for one in examples):
        thing, told = kept[example.of], f"{example.of} {example.name}"
        try:
            record = thing.read(example.wire)
        except ValueError as error:
            yield f"{told}: {error}"
            continue
        yield from (f"{told}{one}" for one in wanting(example.means, plain(record)))
        if example.wire.value is None:
            again = dict(thing.write(record).headers)
            yield from (f"{told}: header {key}" for key, one in example.wire.headers if again.get(key) != one)


def _read_by(old: Version, present: Version, kept: Mapping[str, Kept], grown: Grown) -> Iterator[str]:
    """What the older version would see in what the present one writes."""
    reader = Reader(old.structs)
    for name, shape in old.shapes.items():
        thing = kept.get(name)
        if thing is None or thing.decode is None:
            continue
        kind = reader.type_of(shape)
        for example in present.examples.get(name, ()):
            yield from _seen(example, thing, kind, {value for _, value in grown})


def _seen(example: Example, thing: Kept, kind: object, grown: set[str]) -> Iterator[str]:
    told = f"{example.of} {example.name}"
    assert thing.decode is not None
    try:
        record = thing.decode(example.wire.value or b"", kind)
    except msgspec.MsgspecError as error:
        if not any(f"'{value}'" in str(error) or f"got `{value}`" in str(error) for value in grown):
            yield f"{told}: {error}"
        return
    yield from (f"{told}{one}" for one in wanting(plain(record), example.means))
