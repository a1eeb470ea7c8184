"""Seams, chunks, the table, the changelog's reading, group metadata and settings of the engine."""

import faust
import pytest
from confluent_kafka import KafkaError

from runtime.engine import Effects, EffectsTooLarge, EngineSettings, TableView, seams
from runtime.engine.chunk import cut
from runtime.engine.consumer import ChunkConsumer
from runtime.engine.effects import HEADERS_MAX
from runtime.engine.membership import Membership, check_metadata_format
from runtime.engine.recovery import ChangelogReading, RecoveryFailed
from runtime.engine.table import Table
from runtime.kafka.record import Record
from runtime.settings import ProcessorSettings
from tests.engine_apps.builders import TP, ARecord


def test_faust_mode_and_aiokafka_still_have_all_that_the_engine_leans_on() -> None:
    seams.check()


def test_a_seam_that_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(seams.VERSIONS, "aiokafka", "9.9")
    monkeypatch.setattr(seams, "FUNCTIONS", ((faust.App, "on_first_start", "self now"), (faust.App, "gone", "")))
    monkeypatch.setattr(seams, "ARGUMENTS", ((faust.App.crash, "why"),))
    monkeypatch.setattr(seams, "BEHAVIOURS", ((faust.App.crash, "never written"),))
    with pytest.raises(seams.SeamsChanged) as caught:
        seams.check()
    for part in ("expected 9.9", "takes self, expected self now", "no gone", "takes no why", "'never written'"):
        assert part in str(caught.value)


def test_group_metadata_is_what_librdkafka_writes() -> None:
    check_metadata_format()
    with_instance = Membership("g", 258, "m", "i").metadata()
    assert with_instance == b"CGMDv2:\x02\x01\x00\x00g\0m\0\0i\0"


def test_a_fetch_is_cut_into_chunks_that_know_each_other() -> None:
    records = [ARecord(offset) for offset in (3, 4, 7, 8, 9)]
    chunks = list(cut(TP, records, 2, previous_end=1, epoch=4, fetched_s=0.0))
    assert [(one.previous_end, one.first, one.end, len(one)) for one in chunks] == [
        (1, 3, 5, 2),
        (5, 7, 9, 2),
        (9, 9, 10, 1),
    ]
    assert [record.offset for one in chunks for record in one] == [3, 4, 7, 8, 9]
    assert {one.epoch for one in chunks} == {4}
    assert repr(chunks[0]) == "Chunk(source-3 3..5 after 1)"


def test_a_sweep_goes_round_the_partition_in_steps_and_skips_what_is_gone() -> None:
    view = TableView(0, {b"%d" % number: b"v" for number in range(5)})
    seen = [key for _ in range(2) for key, _ in view.sweep(2)]
    view.apply({b"0": None})
    seen += [key for key, _ in view.sweep(2)]
    assert sorted(seen) == [b"1", b"2", b"3", b"4"]
    assert len(view.sweep(9)) == 4
    assert (len(view), b"0" in view, sorted(view.keys())[0], dict(view.items())[b"4"]) == (4, False, b"1", b"v")


def test_a_table_keeps_only_the_partitions_it_is_told_to() -> None:
    table = Table()
    table.put(1, {b"a": b"1"})
    table.put(2, {b"b": b"2"})
    table.keep([2, 3])
    assert 1 not in table
    assert table.view(2).get(b"b") == b"2"


class AMessage:
    def __init__(
        self, offset: int, key: bytes | None = None, value: bytes | None = None, error: KafkaError | None = None
    ) -> None:
        self._fields = (offset, key, value, error)

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._fields[0]

    def key(self) -> bytes | None:
        return self._fields[1]

    def value(self) -> bytes | None:
        return self._fields[2]

    def error(self) -> KafkaError | None:
        return self._fields[3]


def read(reading: ChangelogReading, *messages: AMessage) -> bool:
    return reading.take(messages)  # type: ignore[arg-type]


def test_a_changelog_is_read_until_its_end_was_passed_also_by_a_control_record() -> None:
    reading = ChangelogReading({0: 5, 1: 0})
    assert set(reading.pending) == {0}
    assert not read(reading)
    assert read(reading, AMessage(0, b"a", b"1"), AMessage(1, b"b", b"1"), AMessage(3, b"a", None))
    assert reading.pending
    read(reading, AMessage(4, error=KafkaError(KafkaError._PARTITION_EOF)))
    assert reading.pending
    read(reading, AMessage(5, error=KafkaError(KafkaError._PARTITION_EOF)))
    assert not reading.pending
    assert reading.tables == {0: {b"b": b"1"}, 1: {}}
    assert reading.records == 3


def test_an_error_of_the_changelog_fails_the_recovery_unless_it_passes() -> None:
    reading = ChangelogReading({0: 5})
    read(reading, AMessage(0, error=KafkaError(KafkaError._TRANSPORT)))
    with pytest.raises(RecoveryFailed):
        read(reading, AMessage(0, error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    with pytest.raises(RecoveryFailed):
        read(reading, AMessage(0, key=None, value=b"v"))


@pytest.mark.parametrize(
    "effects",
    [
        Effects([Record("t", b"v" * 101)]),
        Effects([Record("t", b"v", headers=[("id", b"x" * HEADERS_MAX)])]),
        Effects(writes={b"k": b"v" * 100}),
    ],
)
def test_what_kafka_would_refuse_after_every_restart_is_refused_before(effects: Effects) -> None:
    with pytest.raises(EffectsTooLarge):
        effects.check(100)


def test_the_processors_settings_make_the_engines() -> None:
    area = ProcessorSettings(chunk_max=7, session_timeout_s=6, rebalance_timeout_s=30, drain_begun_share=0.65)
    settings = EngineSettings.of(area)
    assert (settings.chunk_max, settings.session_s, settings.heartbeat_s) == (7, 6, 1.2)


def test_agents_may_finish_what_they_began_and_chunks_are_cut_off_soon() -> None:
    area = ProcessorSettings()
    agents, chunks = EngineSettings.of_agents(area), EngineSettings.of(area)
    assert area.agent_timeout_s < agents.drain_s * agents.begun_share < agents.drain_s < agents.rebalance_s
    assert chunks.drain_s * chunks.begun_share < 4
    assert EngineSettings.of(ProcessorSettings(drain_s=6, agent_timeout_s=1)).drain_s == 6


@pytest.mark.parametrize(
    "wrong", [{"drain_s": 50}, {"begun_share": 1}, {"session_s": 5, "heartbeat_s": 3}, {"session_s": 60}, {"window": 0}]
)
def test_settings_that_do_not_fit_together_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        EngineSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("delivered", "looked_to"),
    [(5, 9), (3, None), (6, None)],
    ids=["all came to the lane", "a chunk is on its way", "the lane is of another assignment"],
)
def test_a_partition_was_looked_through_only_if_all_that_was_found_came_to_its_lane(
    delivered: int, looked_to: int | None
) -> None:
    consumer = ChunkConsumer.__new__(ChunkConsumer)
    consumer._fetched_to, consumer._looked_to = {TP: 5}, {TP: 9}
    assert consumer.looked_to(TP, delivered) == looked_to
