"""Webhooks on a genuine Kafka: each answer with the bytes that are then stored, and no false 200 whatever dies."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout

from runtime.kafka import topics as kafka_topics
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas import keys, topics
from tests.builders import webhooks as build
from tests.builders.webhook_service import INBOUND, Client, WebhookProcess, started

TOPICS = (*INBOUND, topics.TENANTS)
PEOPLE = 40


@pytest.fixture(scope="module")
def cluster(broker: str) -> str:
    kafka_topics.apply(KafkaSettings(bootstrap=broker), TOPICS)
    return broker


@pytest.fixture(scope="module")
def service(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookProcess]:
    """One process for the tests that only ask; tenants come while it runs."""
    with started(cluster, tmp_path_factory.mktemp("webhooks"), RELEVO_INGRESS_MAX_BODY_BYTES="100000") as process:
        yield process


@pytest.fixture
def client(cluster: str, service: WebhookProcess) -> Client:
    """A new tenant that the service knows."""
    made = Client()
    made.publish(cluster)
    deadline = time.monotonic() + 20
    while service.post(made.path, b" " * 100_001)[0] != 413:  # the secret is known, and nothing is kept
        assert time.monotonic() < deadline, "the service did not take up the tenant"
        time.sleep(0.02)
    return made


def test_a_conversations_webhook_is_stored_untouched_where_java_would_put_it(
    service: WebhookProcess, client: Client, cluster: str
) -> None:
    body = b" " + orjson.dumps(build.flat(did=client.did, content="¡hola!")) + b"\n"
    assert service.post(client.path, body)[:2] == (200, b"")
    ((message, headers),) = client.stored(cluster)
    key = keys.conversation(client.did, build.PERSON)
    assert (message.topic(), message.value(), message.key()) == ("inbound.conversations", body, key.encode())
    assert message.partition() == keys.partition(key, topics.LAPTOP.partitions)
    assert (headers.id, headers.type, headers.did, headers.part) == ("123456789", "webhook", client.did, "")
    assert abs(headers.at_ms - time.time() * 1000) < 60_000


def test_a_mixed_webhook_is_carved_and_its_foreign_line_kept(
    service: WebhookProcess, client: Client, cluster: str
) -> None:
    value = build.cloud(
        build.cloud_value(
            did=client.did,
            messages=[build.cloud_text(wamid="w1"), build.cloud_text(wamid="w2", sender="56933333333")],
            statuses=[build.cloud_status(wamid="w3")],
        ),
        build.cloud_value(did="56999999999", messages=[build.cloud_text(wamid="w4")]),
    )
    assert service.post(client.path, orjson.dumps(value))[0] == 200
    stored = {headers.id: (message.topic(), headers.part) for message, headers in client.stored(cluster)}
    assert stored == {
        "w1": ("inbound.conversations", "1/4"),
        "w2": ("inbound.conversations", "2/4"),
        "w3": ("inbound.receipts", "3/4"),
        "w4": ("inbound.rejected", "4/4"),
    }


@pytest.mark.parametrize(
    ("reason", "status", "body"),
    [
        ("not_json", 400, b'{"broken": '),
        ("unknown_shape", 200, b'{"hello": ["w\\u00f6rld", 1.0]}'),
        ("foreign_line", 200, orjson.dumps(build.flat(did="56999999999"))),
    ],
)
def test_what_cannot_be_processed_is_found_byte_for_byte_with_its_reason(
    service: WebhookProcess, client: Client, cluster: str, reason: str, status: int, body: bytes
) -> None:
    assert service.post(client.path, body)[0] == status
    ((message, _),) = client.stored(cluster)
    assert (message.topic(), message.value()) == ("inbound.rejected", body)
    assert ("reason", reason.encode()) in (message.headers() or [])


def test_a_wrong_secret_and_an_oversized_body_are_refused_and_not_stored(
    service: WebhookProcess, client: Client, cluster: str
) -> None:
    body = orjson.dumps(build.flat(did=client.did))
    assert service.post("/v1/webhooks/" + "x" * 43, body)[0] == 404
    assert service.post(client.path, body + b" " * 100_000)[0] == 413
    assert list(client.stored(cluster)) == []


def test_a_service_does_not_start_on_topics_of_another_profile(cluster: str, tmp_path: Path) -> None:
    process = WebhookProcess(cluster, tmp_path, RELEVO_KAFKA_PROFILE="production")
    assert process.process.wait(60) == 78
    assert "partitions is 4, must be 64" in process.events("cannot start")[0]["why"]


# under load, with deaths


class Load:
    """Senders that post until told to end; `acked` has the ids that were answered 200, `answers` every status."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.acked: set[str] = set()
        self.answers: list[int] = []
        self.broken = 0
        self._sent = 0
        self._ending = asyncio.Event()

    async def run(self, url: str, senders: int = 16) -> None:
        self._ending.clear()
        async with ClientSession(timeout=ClientTimeout(total=30)) as session:
            await asyncio.gather(*(self._send(session, url) for _ in range(senders)))

    async def reach(self, acked: int) -> None:
        """Returns when so many more were answered 200."""
        wanted = len(self.acked) + acked
        async with asyncio.timeout(60):
            while len(self.acked) < wanted:  # noqa: ASYNC110  counts have no event
                await asyncio.sleep(0.005)

    def end(self) -> None:
        self._ending.set()

    async def _send(self, session: ClientSession, url: str) -> None:
        while not self._ending.is_set():
            self._sent += 1
            wamid, person = f"wamid.{self._sent}", str(57_000_000_000 + self._sent % PEOPLE)
            message = build.cloud_text(wamid=wamid, sender=person)
            body = orjson.dumps(build.cloud(build.cloud_value(did=self.client.did, messages=[message])))
            try:
                async with session.post(url + self.client.path, data=body) as answer:
                    self.answers.append(answer.status)
                    if answer.status == 200:
                        self.acked.add(wamid)
            except (ClientError, OSError):
                self.broken += 1
                return


def ids_stored(client: Client, bootstrap: str) -> list[str]:
    return [headers.id for _, headers in client.stored(bootstrap)]


async def test_every_acknowledged_event_survives_kill_9_under_load(cluster: str, tmp_path: Path) -> None:
    client = Client()
    client.publish(cluster)
    load = Load(client)
    for _ in range(3):
        with started(cluster, tmp_path) as process:
            running = asyncio.create_task(load.run(process.url))
            await load.reach(400)
            await asyncio.to_thread(process.kill)
            await running
    stored = await asyncio.to_thread(ids_stored, client, cluster)
    assert set(load.answers) == {200}
    assert load.broken == 3 * 16  # each sender saw each death
    assert len(load.acked) >= 1200
    assert load.acked - set(stored) == set()
    assert len(stored) == len(set(stored))


async def test_a_stop_under_load_answers_what_it_took_and_exits_0(cluster: str, tmp_path: Path) -> None:
    client = Client()
    client.publish(cluster)
    load = Load(client)
    with started(cluster, tmp_path) as process:
        running = asyncio.create_task(load.run(process.url))
        await load.reach(300)
        code = await asyncio.to_thread(process.stop)
        await running
    stored = await asyncio.to_thread(ids_stored, client, cluster)
    assert code == 0
    assert set(load.answers) == {200}
    assert sorted(load.acked) == sorted(stored)  # nothing was taken and then left unanswered
    assert process.events("requests did not end before the stop") == []


def test_a_frozen_broker_is_held_for_then_503_and_never_a_false_200(tmp_path: Path) -> None:
    with Broker() as broker:
        kafka_topics.apply(KafkaSettings(bootstrap=broker.bootstrap), TOPICS)
        client = Client()
        client.publish(broker.bootstrap)
        with started(broker.bootstrap, tmp_path, RELEVO_INGRESS_ACK_HOLD_S="3") as process:
            answers = _through_a_freeze(broker, process, client)
            stored = ids_stored(client, broker.bootstrap)
    held = [seconds for status, seconds in answers.values() if status == 503]
    assert len(held) == 8
    assert all(1 <= seconds < 10 for seconds in held)
    assert {status for status, _ in answers.values()} == {200, 503}
    assert {event for event, (status, _) in answers.items() if status == 200} <= set(stored)


def _through_a_freeze(broker: Broker, process: WebhookProcess, client: Client) -> dict[str, tuple[int, float]]:
    """Posts before, while the broker is frozen, and until it takes records again; (status, seconds) by event id."""
    answers: dict[str, tuple[int, float]] = {}

    def post(event: str) -> int:
        body = orjson.dumps(build.flat(did=client.did, id=event))
        started_at = time.monotonic()
        status, _, headers = process.post(client.path, body)
        assert (status == 503) == ("Retry-After" in headers)
        answers[event] = status, time.monotonic() - started_at
        return status

    assert post("before") == 200
    broker.pause()
    try:
        threads = [threading.Thread(target=post, args=(f"frozen-{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        broker.resume()
    attempts = [f"after-{n}" for n in range(30)]
    recovered = next(event for event in attempts if post(event) == 200)
    # what was refused while the broker thawed is no more a part of what is asserted about the freeze
    for event in attempts[: attempts.index(recovered)]:
        del answers[event]
    return answers
