"""`relevo dlq` against a genuine Kafka: what is put back is what was given up, once, and all of it is on record."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import pytest
from confluent_kafka import Message
from confluent_kafka import Producer as Client

from relevo.cli.program import main
from relevo.dead_letters import shelf
from relevo.dead_letters.letter import Letter, LetterError
from runtime.clock import now_ms
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Record
from sandbox.kafka import Broker
from schemas.dead_letter import Attempt, Cause, source
from schemas.headers import Headers
from schemas.tenant import Routing, Rule
from tests.builders.conversations import conversation_key, tenant
from tests.builders.conversations import posted as webhook
from tests.builders.pipeline import Pipeline, until
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value

TOPIC = "inbound.conversations"
BYTES = b'\xff{"text": {"body": "hola"}}'


class Ran(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A broker of its own: the command knows topics by their real names."""
    with Broker() as broker:
        made = Pipeline(broker.bootstrap, tmp_path_factory.mktemp("logs"), agents=("menu",))
        yield made
        made.stop()
        _client.cache_clear()


@pytest.fixture
def relevo(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: `relevo("dlq", "ls")`."""
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RELEVO_KAFKA_BOOTSTRAP", pipeline.kafka.bootstrap)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["relevo", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ran(code, *capsys.readouterr())

    return run


def bury(
    pipeline: Pipeline,
    reason: str,
    *,
    value: bytes | None = BYTES,
    topic: str = TOPIC,
    by: str = "conversations",
    attempts: Sequence[Attempt] = (),
) -> str:
    """A dead letter of this reason; its address."""
    own = Headers(id="wamid.1", type="webhook", tenant="acme", at_ms=5, did=LINE, contact=PERSON, replay="older")
    where, error = source(topic, 3, 77), f"{reason}: why"
    cause = Cause(reason=reason, error=error, source=where, at_ms=now_ms(), by=by, attempts=list(attempts))
    headers = cause.headers([*own.to_kafka(), ("x", b"\x00\xff")])
    return put(pipeline, Record(f"{topic}.dlq", value, conversation_key(), headers, 3))


def put(pipeline: Pipeline, record: Record) -> str:
    """Where the record landed, as an address."""
    landed: list[Message] = []
    client = _client(pipeline.kafka.bootstrap)
    topic, value, key, headers, partition, _ = record
    client.produce(
        topic, value, key, partition, on_delivery=lambda error, message: landed.append(message), headers=list(headers)
    )
    assert client.flush(30) == 0
    return f"{topic}:{partition}:{landed[0].offset()}"


@cache
def _client(bootstrap: str) -> Client:
    """One for all letters: the first record of a client takes half a second."""
    return Client({"bootstrap.servers": bootstrap, "linger.ms": 0})


def replayed(pipeline: Pipeline, topic: str = TOPIC) -> list[Message]:
    """What runs of the command put onto partition 3."""
    records = read_partition(pipeline.kafka, topic, 3)
    return [one for one in records if (dict(one.headers() or []).get("replay") or b"").startswith(b"dlq-")]  # type: ignore[arg-type]


def listed(relevo: Run, *more: str, topic: str = TOPIC) -> list[str]:
    """The addresses that `ls` shows of a topic."""
    more += ("--topic", topic)
    return [one["address"] for one in json.loads(relevo("dlq", "ls", "--json", *more).out)["letters"]]


# -- requeue


def test_a_webhook_is_handled_once_the_cause_is_mended(pipeline: Pipeline, relevo: Run) -> None:
    pipeline.tenant(tenant(routing=Routing(route=[Rule(to="menus")])))
    pipeline.conversations()
    value = cloud_value(messages=[cloud_text("hola", wamid="wamid.mended")])
    pipeline.feed(webhook(cloud(value)))
    until(lambda: len(listed(relevo, "--reason", "unknown_agent")) == 1, "the dead letter")
    [address] = listed(relevo, "--reason", "unknown_agent")
    assert "no agent of type 'menus' runs here" in relevo("dlq", "show", address).out
    pipeline.tenant(tenant())
    assert relevo("dlq", "requeue", address).code == 0

    def handled() -> bool:
        """The processor may hear of the tenant's change after it has met the record again."""
        for again in listed(relevo, "--reason", "unknown_agent"):
            relevo("dlq", "requeue", again)
        return bool(pipeline.events("menu", LINE))

    until(handled, "the event, with the agent that exists")
    assert [one.id for one in pipeline.events("menu", LINE)] == ["wamid.mended"]
    audited = json.loads(relevo("audit", "--json").out)
    assert not [one for one in audited["violations"] if "mended" in one], "a letter and its mark break no invariant"


def test_what_is_put_back_has_partition_key_value_and_headers_as_they_were(pipeline: Pipeline, relevo: Run) -> None:
    address, before = bury(pipeline, "exact"), len(replayed(pipeline))
    ran = relevo("dlq", "requeue", address)
    assert ran.code == 0, ran.err
    run = ran.out.split()[-1]
    assert ran.out == f"1 dead letters put back, on record as run {run}\n"
    [one] = replayed(pipeline)[before:]
    assert (one.partition(), one.key(), one.value()) == (3, conversation_key(), BYTES)
    own = [("id", b"wamid.1"), ("type", b"webhook"), ("tenant", b"acme"), ("at", b"5")]
    own += [("did", LINE.encode()), ("contact", PERSON.encode()), ("x", b"\x00\xff"), ("replay", run.encode())]
    assert one.headers() == own


def test_a_second_requeue_is_refused_unless_it_is_asked_for(pipeline: Pipeline, relevo: Run) -> None:
    first, second = bury(pipeline, "twice"), bury(pipeline, "twice")
    assert relevo("dlq", "requeue", first).code == 0
    before = len(replayed(pipeline))
    for arguments in ((first,), (second, first)):
        refused = relevo("dlq", "requeue", *arguments)
        assert refused.code == 1
        assert f"{first} was requeued by run dlq-" in refused.err
        assert "--again" in refused.err
    assert len(replayed(pipeline)) == before, "nothing was done, not even for the one that may go"
    assert relevo("dlq", "requeue", first, "--again").code == 0
    assert len(replayed(pipeline)) == before + 1


def test_what_was_put_back_or_dropped_is_on_record_and_listed_only_with_all(pipeline: Pipeline, relevo: Run) -> None:
    gone, rests, stays = (bury(pipeline, "listed") for _ in range(3))
    relevo("dlq", "requeue", gone)
    dropped = relevo("dlq", "drop", rests, "--why", "the shop is closed")
    assert dropped.code == 0, dropped.err
    assert listed(relevo, "--reason", "listed") == [stays]
    assert set(listed(relevo, "--reason", "listed", "--all")) == {gone, rests, stays}
    shown = relevo("dlq", "show", rests).out
    assert re.search(r"^dropped \d+ s ago by run dlq-[0-9a-f]{12}: the shop is closed$", shown, re.MULTILINE), shown
    assert relevo("dlq", "requeue", rests).code == 1
    assert relevo("dlq", "drop", gone, "--why", "x").code == 1


def test_all_of_a_reason_go_back_in_their_order_and_only_when_confirmed(pipeline: Pipeline, relevo: Run) -> None:
    records = []
    for number in range(450):
        cause = Cause(reason="many", error="", source=source(TOPIC, 3, number), at_ms=now_ms())
        own = Headers(id=f"m{number}", type="webhook", tenant="acme", at_ms=1).to_kafka()
        records.append(Record(f"{TOPIC}.dlq", b"{}", conversation_key(), cause.headers(own), 3))
    pipeline.write(*records)
    other, before = bury(pipeline, "few"), len(replayed(pipeline))
    asked = relevo("dlq", "requeue", "--topic", TOPIC, "--reason", "many")
    assert (asked.code, asked.out) == (1, "")
    assert "450 dead letters would be put back; nothing was done. Say --yes" in asked.err
    assert len(replayed(pipeline)) == before
    done = relevo("dlq", "requeue", "--topic", TOPIC, "--reason", "many", "--yes")
    assert done.out.startswith("450 dead letters put back"), done.err
    ids = [dict(one.headers() or [])["id"] for one in replayed(pipeline)[before:]]
    assert ids == [f"m{number}".encode() for number in range(450)]
    again = relevo("dlq", "requeue", "--topic", TOPIC, "--reason", "many", "--yes")
    assert (again.code, again.out) == (0, "no dead letters that fit\n")
    assert listed(relevo, "--reason", "few") == [other]


async def test_of_two_runs_at_a_time_the_earlier_one_writes_nothing_more(pipeline: Pipeline) -> None:
    address = await asyncio.to_thread(bury, pipeline, "race")

    def overtaken(letters: list[Letter]) -> list[Letter]:
        """Another run begins after this one has looked and before it writes."""
        other = threading.Thread(target=lambda: asyncio.run(shelf.Run(pipeline.kafka, [], "requeued").carry_out(list)))
        other.start()
        other.join()
        return [one for one in letters if str(one.address) == address]

    with pytest.raises(LetterError, match="another relevo dlq command took over; 0 dead letters"):
        await shelf.Run(pipeline.kafka, [f"{TOPIC}.dlq"], "requeued").carry_out(overtaken)
    standing = await asyncio.to_thread(shelf.letters, pipeline.kafka, [f"{TOPIC}.dlq"])
    assert [one.done for one in standing if str(one.address) == address] == [None]


# -- what cannot be put back


def test_a_rejected_body_cannot_be_put_back_but_posted_again(pipeline: Pipeline, relevo: Run) -> None:
    own = Headers(id="b1", type="webhook", tenant="acme", at_ms=5).to_kafka()
    address = put(pipeline, Record("inbound.rejected", BYTES, None, [*own, ("reason", b"no_line")], 1))
    assert address in listed(relevo, topic="inbound.rejected")
    refused = relevo("dlq", "requeue", address)
    assert refused.code == 1
    assert f'relevo dlq show {address} --raw | curl --data-binary @- "$WEBHOOK"' in refused.err
    assert relevo("dlq", "drop", address, "--why", "a notice").code == 0
    assert address not in listed(relevo, topic="inbound.rejected")


def test_a_message_that_egress_gave_up_shows_its_calls_and_goes_back_at_once(pipeline: Pipeline, relevo: Run) -> None:
    calls = [
        Attempt(plan="p1", at_ms=now_ms(), result="not_sent", code="connect_failed"),
        Attempt(plan="p2", at_ms=now_ms(), result="throttled", status=503, code="http_503"),
    ]
    address = bury(pipeline, "attempts", topic="outbound.replies", by="egress", attempts=calls)
    shown = relevo("dlq", "show", address).out
    assert re.search(r"^call 1 +\d+ s ago, plan p1: not_sent connect_failed$", shown, re.MULTILINE), shown
    assert re.search(r"^call 2 +\d+ s ago, plan p2: throttled 503 http_503$", shown, re.MULTILINE), shown
    assert "dlq_attempts" not in shown
    assert relevo("dlq", "requeue", address).code == 0
    [put_back] = replayed(pipeline, "outbound.replies")
    assert not [name for name, _ in put_back.headers() or [] if name.startswith("dlq_")]
    assert listed(relevo, "--reason", "attempts", topic="outbound.replies") == []


# -- ls and show


def test_ls_counts_then_lists_newest_first_and_shows_nobody(pipeline: Pipeline, relevo: Run) -> None:
    old, new = bury(pipeline, "counted"), bury(pipeline, "counted")
    ran = relevo("dlq", "ls", "--topic", TOPIC, "--reason", "counted", "--tenant", "acme")
    count, empty, *lines = ran.out.splitlines()
    assert (count, empty) == (f"{TOPIC}.dlq  counted  2", "")
    assert [line.split("  ")[0] for line in lines] == [new, old]
    assert [line.split("  ")[2:] for line in lines] == [["acme", "counted"]] * 2
    assert PERSON not in ran.out
    assert LINE not in ran.out
    assert relevo("dlq", "ls", "--tenant", "nobody").out == "no dead letters that fit\n"


def test_show_hides_what_people_wrote_until_it_is_asked_for(pipeline: Pipeline, relevo: Run) -> None:
    body = json.dumps({"type": "text", "from": PERSON, "text": {"body": "hola Ana"}}).encode()
    address = bury(pipeline, "shown", value=body)
    ran = relevo("dlq", "show", address)
    assert ran.code == 0, ran.err
    assert "error    shown: why" in ran.out
    assert f"source   {TOPIC}-3-77" in ran.out
    assert f"{len(body)} bytes" in ran.out
    assert '"type": "text"' in ran.out
    assert f"relevo dlq requeue {address}" in ran.out
    for hidden in ("hola", "Ana", PERSON, LINE):
        assert hidden not in ran.out
    clear = relevo("dlq", "show", address, "--text").out
    assert '"body": "hola Ana"' in clear
    assert f"header   contact: {PERSON}" in clear


def test_raw_is_exactly_the_bytes(pipeline: Pipeline) -> None:
    address = bury(pipeline, "raw", value=b"\xff\x00\r\n{")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    command = [sys.executable, "-m", "relevo", "dlq", "show", address, "--raw"]
    environ["RELEVO_KAFKA_BOOTSTRAP"] = pipeline.kafka.bootstrap
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"\xff\x00\r\n{"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("show", "x"), 1, "'x' is no address; one is topic:partition:offset"),
        (("show", f"{TOPIC}:0:1"), 1, "those of a topic T are on T.dlq"),
        (("show", f"{TOPIC}.dlq:0:999999"), 1, "no dead letter at inbound.conversations.dlq:0:999999"),
        (("show", "nowhere.dlq:0:1"), 1, "no dead letters are kept for 'nowhere.dlq'; there are "),
        (("show", "x", "--raw", "--text"), 2, "choose one"),
        (("ls", "--topic", "nowhere"), 1, "inbound.conversations.dlq"),
        (("requeue",), 2, "either addresses, or --topic with --reason"),
        (("requeue", "--topic", TOPIC), 2, "either addresses, or --topic with --reason"),
        (("requeue", f"{TOPIC}.dlq:0:1", "--reason", "x"), 2, "either addresses, or --topic with --reason"),
        (("drop", f"{TOPIC}.dlq:0:1", "--why", " "), 2, "--why must say something"),
    ],
)
def test_each_mistake_is_answered(relevo: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    ran = relevo("dlq", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
