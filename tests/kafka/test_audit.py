"""`relevo audit` on a genuine Kafka: a state made by hand, with faults planted and transactions aborted."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from relevo.audit.bounded import Question
from relevo.audit.bounded import audit as look
from relevo.audit.report import Report, as_json
from relevo.audit.scan import scan
from runtime.kafka import topics as kafka_topics
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from sandbox.chattigo.ledger import Ledger
from sandbox.kafka import Broker
from schemas import topics
from tests.builders.audit import AGENT, NOW, PARTITION, History
from tests.builders.audit_steps import FAULTS, HONEST, STEPS, worded

ELSEWHERE, NEIGHBOUR = (PARTITION + 1) % 4, (PARTITION + 2) % 4


class Ran(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, Any]:
        """The one JSON object."""
        [line] = self.out.splitlines()
        found: dict[str, Any] = msgspec.json.decode(line)
        return found


class Audits(NamedTuple):
    """What the audit said of one cluster: empty, clean, with faults, and after transactions were aborted."""

    settings: KafkaSettings
    run: History
    empty: Ran
    clean: Ran
    faulty: Ran
    aborted: Ran
    unledgered: Ran
    table: Ran
    busy: list[Report]
    recent: Ran
    passed: Ran
    retained: Ran


def audit(settings: KafkaSettings, *arguments: object) -> Ran:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    environ |= {"RELEVO_KAFKA_BOOTSTRAP": settings.bootstrap, "RELEVO_PROCESSOR_AGENTS": AGENT, "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "relevo", "audit", *map(str, arguments)],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def here(settings: KafkaSettings, ledger: Path | None = None) -> Ran:
    """The same without starting a process."""
    found = look(settings, Question((AGENT,), ledger=ledger))
    return Ran(0 if found.clean else 1, as_json(found).decode(), "")


def produce(producer: Producer, records: Sequence[Record]) -> None:
    for one in records:
        producer.produce(one.topic, one.value, one.key, one.partition, headers=list(one.headers))
    assert producer.flush(30) == 0


def abort(settings: KafkaSettings, records: Sequence[Record]) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "transactional.id": "aborting"})
    producer.init_transactions(30)
    producer.begin_transaction()
    produce(producer, records)
    producer.abort_transaction(30)


def aborted_records(run: History) -> list[Record]:
    """What would change every figure if it counted: it routes what is pending, excuses, owes, fills."""
    other = History()
    for event in run.expected["pending_events"]:
        other.to_agent(event.split()[1])
    who = other.person()
    for message in run.expected["twice"]:
        other.planned({message: who}, attempt=2, resend_of="x")
    other.outcome(run.expected["pending_messages"], "accepted")
    other.outcome(["nobody's"], "accepted")
    other.asked(who, message="never")
    other.arrived(["never"])
    other.put(topics.OUTCOMES.name, b"{poison", "outcome")
    return other.records


def while_traffic_runs(settings: KafkaSettings) -> list[Report]:
    """Three audits while messages are accepted, planned and sent, each record once the one before stands."""
    other, done = NEIGHBOUR, threading.Event()
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 0})

    def traffic() -> None:
        run = History(1_000_000)
        while not done.is_set():
            written = len(run.records)
            for step in ("reply_sent", "batch_sent", "campaign_sent", "parked_and_sent"):
                STEPS[step](run)
            for one in run.records[written:]:
                produce(producer, [one._replace(partition=other)])

    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        return [look(settings, Question((AGENT,))) for _ in range(3)]
    finally:
        done.set()
        thread.join()


def behind(settings: KafkaSettings) -> Ran:
    """After the processor has committed the end of its topic."""
    name = topics.INBOUND_CONVERSATIONS.name
    client = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "relevo-conversations"})
    try:
        end = client.get_watermark_offsets(TopicPartition(name, PARTITION), 30)[1]
        client.commit(offsets=[TopicPartition(name, PARTITION, end)], asynchronous=False)
    finally:
        client.close()
    return here(settings)


def retained(settings: KafkaSettings) -> Ran:
    """After retention took all that was asked for."""
    client = AdminClient({"bootstrap.servers": settings.bootstrap})
    place = TopicPartition(topics.OUTBOUND_REPLIES.name, PARTITION, -1)
    for answer in client.delete_records([place]).values():
        answer.result(30)
    return here(settings)


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audits]:
    folder = tmp_path_factory.mktemp("audit")
    file = folder / "ledger.ndjson"
    with Broker() as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        kafka_topics.apply(settings, topics.catalogue((AGENT,)).values())
        empty = here(settings)
        run, written = History(), 0
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        ledger = Ledger(file, clock=lambda: NOW / 1000)

        def play(steps: Sequence[str]) -> None:
            nonlocal written
            entries = len(run.entries)
            for step in steps:
                STEPS[step](run)
            produce(producer, run.records[written:])
            written = len(run.records)
            ledger.write(*run.entries[entries:])

        busy = while_traffic_runs(settings)
        play([*HONEST])
        # A partition that ends with an aborted transaction and holds nothing else.
        abort(settings, [one._replace(partition=ELSEWHERE) for one in aborted_records(History())])
        clean = audit(settings, "--ledger", file, "--json")
        play([*FAULTS, *HONEST])
        faulty = here(settings, file)
        abort(settings, aborted_records(run))
        ledger.close()
        found = Audits(
            settings,
            run,
            empty,
            clean,
            faulty,
            aborted=here(settings, file),
            unledgered=here(settings),
            table=audit(settings, "--ledger", file),
            busy=busy,
            recent=audit(settings, "--json", "--since", "1h"),
            passed=behind(settings),
            retained=retained(settings),
        )
        yield found


def named(said: dict[str, Any]) -> dict[str, list[str]]:
    """What the audit names, under the builders' words."""
    events, messages = said["events"], said["messages"]
    found = {
        "lost": events["lost"],
        "lost_receipts": events["lost_receipts"],
        "pending_events": events["pending"],
        "twice": messages["twice"],
        "unplanned": messages["unplanned"],
        "unowed": messages["unowed"],
        "pending_messages": messages["pending"],
        "in_doubt": messages["in_doubt"],
        "unkept": messages["unkept"],
        "parked": [one for one in messages["parked"] if one not in messages["unkept"]],
        "unreadable": [line.partition(":")[0] for line in said["unreadable"]],
    }
    return {what: names for what, names in found.items() if names} | worded(said["violations"])


def test_an_empty_cluster_is_clean(audits: Audits) -> None:
    assert audits.empty.code == 0, audits.empty.err
    assert (audits.empty.said["clean"], audits.empty.said["quiet"]) == (True, True)


def test_a_clean_state_with_tombstones_and_an_aborted_transaction_is_clean(audits: Audits) -> None:
    assert audits.clean.code == 0, audits.clean.err
    assert named(audits.clean.said) == {}
    assert (audits.clean.said["clean"], audits.clean.said["quiet"]) == (True, True)
    assert audits.clean.said["events"]["duplicates"] == 2
    assert audits.clean.said["messages"]["resent"] == 2


def test_exactly_what_was_planted_is_named_and_the_exit_code_says_so(audits: Audits) -> None:
    assert audits.faulty.code == 1
    assert named(audits.faulty.said) == {what: sorted(names) for what, names in audits.run.expected.items()}
    assert audits.faulty.said["clean"] is False


def test_what_an_aborted_transaction_says_does_not_count(audits: Audits) -> None:
    assert audits.aborted.code == 1
    assert audits.aborted.said == audits.faulty.said


def test_an_unreadable_record_is_named_with_its_place_and_the_rest_is_still_read(audits: Audits) -> None:
    [line] = audits.faulty.said["unreadable"]
    [place] = audits.run.expected["unreadable"]
    assert line.startswith(f"{place}: ")
    assert f"unreadable: {line}" in audits.faulty.said["violations"]
    assert audits.faulty.said["messages"]["by_state"]["accepted"] > 10


def test_without_a_ledger_only_the_topics_are_audited(audits: Audits) -> None:
    assert audits.unledgered.code == 1
    found = named(audits.unledgered.said)
    kept = ("pending_events", "unowed", "pending_messages", "in_doubt", "parked", "unkept", "unreadable")
    kept += ("routed_twice", "planned_twice", "out_of_order", "crossed")
    assert found == {what: sorted(audits.run.expected[what]) for what in kept}


def test_people_get_a_table_and_a_line_for_each_violation_that_is_shown(audits: Audits) -> None:
    assert audits.table.code == 1
    assert "acknowledged" in audits.table.out
    lines = audits.table.err.splitlines()
    violations = audits.faulty.said["violations"]
    assert lines[:10] == violations[:10]
    assert lines[-1] == f"{len(violations)} violations"


def test_a_scan_yields_each_committed_record_once_in_order_and_passes_over_missing_topics(audits: Audits) -> None:
    names = [topics.EGRESS_JOURNAL.name, topics.OUTCOMES.name, "there.is.no.such.topic"]
    seen: dict[tuple[str, int], list[int]] = {}
    for message in scan(audits.settings, names):
        seen.setdefault((message.topic() or "", message.partition() or 0), []).append(message.offset() or 0)
    written = [one for one in audits.run.records if one.topic in names]
    mine = {place: offsets for place, offsets in seen.items() if place[1] != NEIGHBOUR}
    assert sum(map(len, mine.values())) == len(written)
    assert all(offsets == sorted(set(offsets)) for offsets in seen.values())


def test_while_traffic_runs_nothing_that_is_under_way_looks_broken(audits: Audits) -> None:
    assert [one.violations for one in audits.busy] == [[], [], []]
    accepted = [one.messages.accepted for one in audits.busy]
    assert accepted == sorted(accepted)
    assert accepted[0] < accepted[-1], "no traffic ran"


def test_of_a_time_that_holds_everything_the_same_is_said_but_for_outcomes_without_a_plan(audits: Audits) -> None:
    """Whose campaign was committed before is not known, nor what else was accepted then."""
    assert audits.recent.code == 1
    unowed = {f"outcome of a message that nobody asked for: {one}" for one in audits.run.expected["unowed"]}
    said = audits.recent.said
    assert said["violations"] == [one for one in audits.unledgered.said["violations"] if one not in unowed]
    assert said["not_judged"] >= len(unowed) > 0
    assert said["records"] == audits.unledgered.said["records"]


def test_an_event_behind_the_committed_offset_of_which_nothing_became_is_named(audits: Audits) -> None:
    [event] = audits.run.expected["pending_events"]
    assert audits.passed.said["events"]["silent"] == [event]
    assert f"nothing became of the event: {event}" in audits.passed.said["violations"]
    assert audits.unledgered.said["events"]["silent"] == []


def test_what_retention_took_is_named_and_makes_no_false_alarm(audits: Audits) -> None:
    said = audits.retained.said
    [gone] = said["unseen"]
    assert (gone["topic"], gone["partition"]) == (topics.OUTBOUND_REPLIES.name, PARTITION)
    assert said["not_judged"] > 0
    before = audits.passed.said["violations"]
    assert set(said["violations"]) <= {*before}
