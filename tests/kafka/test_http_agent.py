"""The agent `http` as a process on a genuine Kafka, with the example service of its page, and one that hangs."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relevo.cli.program import main
from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import YamlSource
from runtime.hooks import new_secret
from runtime.secrets import KeyRing, generate_key
from sandbox.kafka import Broker
from schemas.dead_letter import Cause
from schemas.session import Text
from schemas.tenant import Tenant
from tests.builders.conversations import Source, posted
from tests.builders.pipeline import Pipeline, killed, until
from tests.builders.shop import shop
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(240)
SHOP, HANGS = "56911180001", "56911180002"
FILE = """\
tenant: {name}
secrets: {{webhook: [auto]}}
accounts: {{isv: {{service: isv, base: "https://c.example", username: {name}, password: {{env: SHOP_SECRET}}}}}}
lines: [{{did: "{did}", sends: isv}}]
agents: {{http: {{url: "{url}", plain: true, secret: {{env: SHOP_SECRET}}, timeout_s: {timeout}}}}}
routing: {{route: [{{to: http}}]}}
"""


@contextmanager
def silence() -> Iterator[str]:
    """A service that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def tenant(name: str, did: str, url: str, secret: str, ring: KeyRing, timeout: float = 2) -> Tenant:
    text = FILE.format(name=name, did=did, url=url, timeout=timeout)
    return TenantFile(YamlSource("tenant.yaml", text), ring, {"SHOP_SECRET": secret}).tenant(None, 1).tenant


def said(tenant: str, did: str, contact: str, n: int) -> Source:
    value = cloud_value(did=did, messages=[cloud_text(f"m{n}", wamid=f"wamid.{contact}.{n}", sender=contact)])
    return posted(cloud(value), did=did, contact=contact, of=tenant)


def texts(pipeline: Pipeline, did: str, person: str) -> list[str]:
    """What a person was told, without the greeting."""
    told = [one.content for one in pipeline.replies(did) if one.contact == person]
    return [content.body.split(", ")[1] for content in told if isinstance(content, Text)]


def reasons(pipeline: Pipeline) -> list[str]:
    letters = [one for one in pipeline.read("agents.http.dlq") if one.value() is not None]
    return [Cause.from_headers(one.headers()).reason for one in letters]


def test_each_message_is_answered_once_and_in_order_though_the_worker_is_killed_and_another_service_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the service that hung is mended, and what it missed is put back."""
    secret, keys = new_secret(), tmp_path / "keys"
    keys.write_text(generate_key("k1"))
    ring = KeyRing.load(keys)
    people, messages = [f"5692280{i:04}" for i in range(8)], 5
    every = [f"es tu mensaje {n + 1}: m{n}" for n in range(messages)]
    environ = {
        "RELEVO_KEYS_FILE": str(keys),
        "RELEVO_TENANTS_PRIVATE_NETWORKS": "127.0.0.0/8",
        "RELEVO_HOOKS_FAILURES": "3",
    }
    with Broker() as broker, shop(tmp_path, secret) as url, silence() as nowhere:
        pipeline = Pipeline(broker.bootstrap, tmp_path, ("http",))
        try:
            for one in (tenant("shop", SHOP, url, secret, ring), tenant("hangs", HANGS, nowhere, secret, ring, 0.4)):
                assert secret not in str(one)
                pipeline.tenant(one)
            pipeline.conversations()
            for n in range(messages):
                pipeline.feed(*(said("shop", SHOP, person, n) for person in people))
                pipeline.feed(*(said("hangs", HANGS, person, n) for person in people[:2]))
            killed(pipeline.agent("http", points="event_submitted=kill:12", environ=environ, agent_timeout_s="3"))
            process = pipeline.agent("http", environ=environ, agent_timeout_s="3")
            until(lambda: len(pipeline.replies(SHOP)) >= len(people) * messages, "all answers")
            until(lambda: len(reasons(pipeline)) == 2 * messages, "what the hanging service cost")
            assert set(reasons(pipeline)) == {"hook_timeout", "hook_open"}, "waited for at first, then left alone"
            assert all(texts(pipeline, SHOP, person) == every for person in people)
            pipeline.tenant(tenant("hangs", HANGS, url, secret, ring))
            until(lambda: put_back(pipeline, monkeypatch) == 2 * messages, "what was put back")
            for person in people[:2]:
                heard = [text.partition(": ")[2] for text in texts(pipeline, HANGS, person)]
                assert sorted(heard) == [f"m{n}" for n in range(messages)]
            assert set(Counter(one.id for did in (SHOP, HANGS) for one in pipeline.replies(did)).values()) == {1}
            process.terminate()
            assert process.wait(30) == 0
        finally:
            pipeline.stop()
        log = (tmp_path / "a0.log").read_text()
        assert secret not in log
        assert "a hook's circuit changed" in log


def put_back(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> int:
    """As the page says: by reason. How many answers there are by now."""
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RELEVO_KAFKA_BOOTSTRAP", pipeline.kafka.bootstrap)
    for reason in ("hook_timeout", "hook_open"):
        arguments = ["relevo", "dlq", "requeue", "--topic", "agents.http", "--reason", reason, "--yes"]
        monkeypatch.setattr(sys, "argv", arguments)
        with contextlib.suppress(SystemExit):
            main()
    return len(pipeline.replies(HANGS))
