"""The service `webhooks` as a process of its own, a tenant for it, and what it wrote to Kafka."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Message, Producer

from runtime.kafka.reader import read_partition
from runtime.secrets import new_webhook_secret, secret_digest
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.headers import Headers
from schemas.record import encode
from schemas.tenant import Line, Tenant, WebhookSecret
from tests.builders import nursery

START_S = 60
SCRIPT = "from runtime import service\nfrom ingress.webhooks.service import main\nservice.run(main, name='webhooks')\n"
INBOUND = (topics.INBOUND_CONVERSATIONS, topics.INBOUND_RECEIPTS, topics.INBOUND_REJECTED)


class Client:
    """A tenant that no other test has: one line, one secret."""

    def __init__(self) -> None:
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self.did = str(56_000_000_000 + uuid.uuid4().int % 10**9)
        self.secret = new_webhook_secret()

    @property
    def path(self) -> str:
        return f"/v1/webhooks/{self.secret}"

    def record(self) -> Tenant:
        secret = WebhookSecret(sha256=secret_digest(self.secret))
        return Tenant(tenant=self.name, lines=[Line(did=self.did)], secrets=[secret])

    def publish(self, bootstrap: str) -> None:
        """Writes the tenant's record."""
        producer = Producer({"bootstrap.servers": bootstrap})
        producer.produce(topics.TENANTS.name, encode(self.record()), self.name.encode())
        assert producer.flush(30) == 0

    def stored(self, bootstrap: str) -> Iterator[tuple[Message, Headers]]:
        """All that ingress wrote for the tenant, topic by topic."""
        settings = KafkaSettings(bootstrap=bootstrap)
        for topic in INBOUND:
            for partition in range(topics.LAPTOP.partitions):
                for message in read_partition(settings, topic.name, partition):
                    headers = Headers.from_kafka(message.headers())  # type: ignore[arg-type]
                    if headers.tenant == self.name:
                        yield message, headers


class WebhookProcess:
    """`with started(...) as process`: it is ready, and its log is kept."""

    def __init__(self, bootstrap: str, folder: Path, **variables: str) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
        environ |= {
            "RELEVO_KAFKA_BOOTSTRAP": bootstrap,
            "RELEVO_INGRESS_PORT": "0",
            "RELEVO_SERVICE_LOG_FORMAT": "json",
            **variables,
        }
        self.log = folder / f"webhooks-{uuid.uuid4().hex[:6]}.log"
        with self.log.open("wb") as log:
            self.process = nursery.start(nursery.Order(code=SCRIPT), environ, stderr=log.fileno())

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines of one event."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while not self.ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def ready(self) -> bool:
        started = self.events("started")
        if not started:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{started[0]['admin_port']}/ready", timeout=5) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.events('webhooks are served')[0]['port']}"

    def post(self, path: str, body: bytes) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of one POST."""
        request = urllib.request.Request(self.url + path, data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), dict(error.headers)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def started(bootstrap: str, folder: Path, **variables: str) -> Iterator[WebhookProcess]:
    """The service, ready; killed at the end if it still runs."""
    process = WebhookProcess(bootstrap, folder, **variables)
    try:
        process.wait_until_ready()
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()
