"""The catalogue is whole: every topic explained, every record with an example that is still readable."""

from __future__ import annotations

import typing
from pathlib import Path

import msgspec
import pytest

from schemas import topics
from schemas.record import RecordError, encode

EXAMPLES = Path(topics.__file__).parent / "examples"
CATALOGUE = topics.catalogue(("menu",))
OURS = {name: topic for name, topic in CATALOGUE.items() if topic.value is not None}
FILES = sorted(EXAMPLES.glob("*/*.json"))


@pytest.mark.parametrize("file", FILES, ids=[f"{f.parent.name}/{f.stem}" for f in FILES])
def test_every_example_of_every_version_is_still_read(file: Path) -> None:
    record = OURS[file.parent.name].decoder().decode(file.read_bytes())
    assert msgspec.json.decode(encode(record)) == msgspec.json.decode(file.read_bytes())


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_type_of_every_topic_has_an_example(name: str) -> None:
    types = set(typing.get_args(OURS[name].value)) or {OURS[name].value}
    decoder = OURS[name].decoder()
    shown = {type(decoder.decode(file.read_bytes())) for file in (EXAMPLES / name).glob("*.json")}
    assert shown == types


@pytest.mark.parametrize("name", sorted(OURS))
def test_unknown_fields_are_ignored_and_wrong_shapes_refused(name: str) -> None:
    file = next((EXAMPLES / name).glob("*.json"))
    newer = msgspec.json.decode(file.read_bytes()) | {"of_a_later_version": 1}
    decoder = OURS[name].decoder()
    assert decoder.decode(msgspec.json.encode(newer)) == decoder.decode(file.read_bytes())
    for wrong in (b"[]", b"{", None):
        with pytest.raises(RecordError):
            decoder.decode(wrong)


def test_co_partitioned_topics_have_the_same_count() -> None:
    for profile in topics.PROFILES.values():
        by_did = {topic.count(profile) for topic in CATALOGUE.values() if topic.partitioned_by == "did"}
        by_conversation = {t.count(profile) for t in CATALOGUE.values() if t.partitioned_by == "conversation"}
        assert len(by_did) == len(by_conversation) == 1


def test_every_consumed_topic_whose_records_can_fail_has_dead_letters() -> None:
    consumed = {
        name
        for name, t in CATALOGUE.items()
        if t.cleanup == "delete" and {"egress", "conversations", "agents"} & set(t.consumers)
    }
    letters = {name.removesuffix(topics.DEAD_LETTERS) for name in CATALOGUE if name.endswith(topics.DEAD_LETTERS)}
    assert consumed - letters == {"outbound.parked"}  # egress writes it, having read the record before


def test_production_keeps_what_it_took() -> None:
    for topic in CATALOGUE.values():
        config = topic.config(topics.PRODUCTION)
        assert (config["min.insync.replicas"], config["unclean.leader.election.enable"]) == ("2", "false")
        assert int(config["max.message.bytes"]) == 4 * 1024 * 1024


def test_bytes_as_they_came_have_no_decoder() -> None:
    with pytest.raises(TypeError, match="as they came"):
        CATALOGUE["inbound.receipts"].decoder()
