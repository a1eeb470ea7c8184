"""The agent `http` as a process on a genuine Kafka, with the example service of its page, and one that hangs."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
agents: {{http: {{url: "{url}", plain: true, secret: {{env: SHOP_SECRET}}, timeout_s: 1}}}}
routing: {{route: [{{to: http}}]}}
"""


@contextmanager
def silence() -> Iterator[str]:
    """A service that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def tenant(name: str, did: str, url: str, secret: str, ring: KeyRing) -> Tenant:
    text = FILE.format(name=name, did=did, url=url)
    return TenantFile(YamlSource("tenant.yaml", text), ring, {"SHOP_SECRET": secret}).tenant(None, 1).tenant


def said(tenant: str, did: str, contact: str, n: int) -> Source:
    value = cloud_value(did=did, messages=[cloud_text(f"m{n}", wamid=f"wamid.{contact}.{n}", sender=contact)])
    return posted(cloud(value), did=did, contact=contact, of=tenant)


def test_each_message_is_answered_once_and_in_order_though_workers_are_killed_and_another_service_hangs(
    tmp_path: Path,
) -> None:
    secret, keys = new_secret(), tmp_path / "keys"
    keys.write_text(generate_key("k1"))
    ring = KeyRing.load(keys)
    people, messages = [f"5692280{i:04}" for i in range(10)], 6
    with Broker() as broker, shop(tmp_path, secret) as url, silence() as nowhere:
        pipeline = Pipeline(broker.bootstrap, tmp_path, ("http",))
        try:
            for one in (tenant("shop", SHOP, url, secret, ring), tenant("hangs", HANGS, nowhere, secret, ring)):
                assert secret not in str(one)
                pipeline.tenant(one)
            pipeline.conversations()
            for n in range(messages):
                pipeline.feed(*(said("shop", SHOP, person, n) for person in people))
                pipeline.feed(*(said("hangs", HANGS, person, n) for person in people[:2]))
            environ = {
                "RELEVO_KEYS_FILE": str(keys),
                "RELEVO_TENANTS_PRIVATE_NETWORKS": "127.0.0.0/8",
                "RELEVO_HOOKS_FAILURES": "4",
            }
            for nth in (10, 20):
                killed(
                    pipeline.agent("http", points=f"event_submitted=kill:{nth}", environ=environ, agent_timeout_s="3")
                )
            process = pipeline.agent("http", environ=environ, agent_timeout_s="3")
            until(lambda: len(pipeline.replies(SHOP)) >= len(people) * messages, "all answers")
            until(lambda: len(pipeline.read("agents.http.dlq")) == 2 * messages, "what the hanging service cost")
            replies = pipeline.replies(SHOP)
            for person in people:
                texts = [one.content.body for one in replies if one.contact == person and isinstance(one.content, Text)]
                assert [text.split(", ")[1] for text in texts] == [
                    f"es tu mensaje {n + 1}: m{n}" for n in range(messages)
                ]
            assert set(Counter(one.id for one in replies).values()) == {1}
            letters = pipeline.read("agents.http.dlq")
            reasons = {Cause.from_headers(one.headers()).reason for one in letters}
            assert reasons == {"hook_timeout", "hook_open"}, "first it is waited for, then it is left alone"
            process.terminate()
            assert process.wait(30) == 0
        finally:
            pipeline.stop()
        for log in tmp_path.glob("a0.log"):
            assert secret not in log.read_text()
            assert nowhere + " " not in log.read_text()
