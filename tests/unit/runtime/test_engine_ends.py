"""The ends are asked for on and on, whatever Kafka says, and what was known stays known."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest

from runtime.engine import Partition, ends
from runtime.engine.ends import EndsWatch
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.settings import KafkaSettings

IN, OUT = Partition("in", 0), Partition("out", 1)


class Kafka:
    """Answers, or not."""

    def __init__(self) -> None:
        self.end = 5
        self.error: Exception | None = None
        self.asked: list[tuple[Partition, ...]] = []

    def end_offsets(self, settings: object, wanted: Iterable[Partition], **options: Any) -> dict[Partition, int]:
        assert options["committed"]
        self.asked.append(tuple(wanted))
        if self.error:
            raise self.error
        return dict.fromkeys(self.asked[-1], self.end)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()
    monkeypatch.setattr(ends, "end_offsets", kafka.end_offsets)
    return kafka


def rounds(watch: EndsWatch, more: int) -> None:
    wanted, until = watch.rounds + more, time.monotonic() + 5
    while watch.rounds < wanted:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_the_thread_asks_for_what_is_ours_and_goes_on_whatever_it_hears(kafka: Kafka) -> None:
    watch = EndsWatch(KafkaSettings(bootstrap="127.0.0.1:1"), "in", round_s=0.001)
    watch.start()
    rounds(watch, 2)
    assert set(kafka.asked) == {(IN,)}, "while nothing is ours it still asks whether Kafka is there"
    watch.watch([OUT])
    rounds(watch, 2)
    assert (watch.end_of(OUT), watch.end_of(IN), watch.failing) == (5, None, False)
    for error in (OffsetsUnavailable("no"), TimeoutError(), RuntimeError("odd")):
        kafka.error = error
        rounds(watch, 2)
        assert (watch.end_of(OUT), watch.failing) == (5, True)
    kafka.error, kafka.end = None, 9
    rounds(watch, 2)
    assert (watch.end_of(OUT), watch.failing) == (9, False)
    watch.stop()
