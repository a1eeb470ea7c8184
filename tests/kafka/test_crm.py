"""The tap `crm` as a process on a genuine Kafka, with a HubSpot that fails by script, hangs, dies and lives again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from relevo.audit.gathered import gather
from relevo.audit.report import report
from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import YamlSource
from runtime.secrets import KeyRing, generate_key
from sandbox.kafka import Broker
from schemas import inbound
from schemas.tenant import Tenant
from tests.builders.conversations import NOW, Source, ordered, posted
from tests.builders.hubspot import TOKEN, Fault, HubSpotAccount
from tests.builders.pipeline import Pipeline, killed, until
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(240)
LINE = "56911190001"
PEOPLE = [f"5692290{i:04}" for i in range(8)]
ROUNDS = 4
FILE = """\
tenant: acme
secrets: {{webhook: [auto]}}
accounts: {{isv: {{service: isv, base: "https://c.example", username: u, password: {{env: TOKEN}}}}}}
lines: [{{did: "{did}", sends: isv}}]
agents:
  crm:
    recipe: hubspot
    url: {url}
    plain: true
    token: {{env: TOKEN}}
    map: {{stage: "{{fields.stage}}", last: "{{text}}", phone: "{{phone}}"}}
    notes: {{closed: "{{transcript}}"}}
    note_id_property: relevo_key
routing: {{route: [{{to: echo}}], also: [crm]}}
"""


class Script:
    """Every fourth request fails in one way or another, and from one on nobody is there until it `lives`."""

    def __init__(self) -> None:
        self.lives = threading.Event()
        self.dead_from, self._requests = 24, 0

    def __call__(self, request: Mapping[str, Any]) -> Fault | None:
        self._requests += 1
        if self._requests >= self.dead_from and not self.lives.is_set():
            return "dead"
        faults: tuple[Fault, ...] = (500, "lost", 503, 599, 502)
        return faults[self._requests // 4 % len(faults)] if self._requests % 4 == 0 else None


def tenant(url: str, ring: KeyRing) -> Tenant:
    source = YamlSource("tenant.yaml", FILE.format(did=LINE, url=url))
    return TenantFile(source, ring, {"TOKEN": TOKEN}).tenant(None, 1).tenant


def of_round(n: int) -> list[Source]:
    """Each person writes, and an agent tells the CRM something; at last the chat ends."""
    found = []
    for person in PEOPLE:
        value = cloud_value(did=LINE, messages=[cloud_text(f"m{n}", wamid=f"wamid.{person}.{n}", sender=person)])
        found.append(posted(cloud(value), did=LINE, contact=person))
        of: dict[str, Any] = {"tenant": "acme", "did": LINE, "contact": person, "at_ms": NOW + n, "by": "echo"}
        update = inbound.UpdateCrm(id=f"u{person}{n}", fields={"stage": n}, **of)
        found.append(ordered(update, did=LINE, contact=person))
        if n == ROUNDS - 1:
            lines = [inbound.Said(who="bot", text=f"bye {person}", at_ms=1)]
            found.append(ordered(inbound.Close(id=f"c{person}", transcript=lines, **of), did=LINE, contact=person))
    return found


def test_every_contact_ends_in_its_last_state_though_the_crm_fails_and_dies_and_workers_are_killed(
    tmp_path: Path,
) -> None:
    keys, script = tmp_path / "keys", Script()
    keys.write_text(generate_key("k1"))
    account = HubSpotAccount(script)
    environ = {"RELEVO_KEYS_FILE": str(keys), "RELEVO_TENANTS_PRIVATE_NETWORKS": "127.0.0.0/8"}
    waits = {
        "agent_timeout_s": "3",
        "delivery_first_s": "0.1",
        "delivery_longest_s": "0.5",
        "delivery_timeout_s": "0.8",
    }
    with Broker() as broker, account.serving() as url:
        pipeline = Pipeline(broker.bootstrap, tmp_path, ("echo", "crm"))
        try:
            pipeline.tenant(tenant(url, KeyRing.load(keys)))
            pipeline.conversations()
            pipeline.feed(*(source for n in range(ROUNDS) for source in of_round(n)))
            killed(pipeline.agent("crm", points="event_submitted=kill:16", environ=environ, **waits))
            process = pipeline.agent("crm", environ=environ, **waits)
            until(lambda: len(messages(pipeline)) == len(PEOPLE) * ROUNDS, "the bot is told, whatever the CRM does")
            until(lambda: account.requests > script.dead_from + 5, "attempts while the CRM is dead")
            assert len(account.notes) < len(PEOPLE), "something waits"
            process.kill()
            process.wait(10)
            process = pipeline.agent("crm", environ=environ, **waits)
            script.lives.set()
            until(lambda: all(account.notes_of(person) for person in PEOPLE), "the last note of each")
            last = {"stage": str(ROUNDS - 1), "last": f"m{ROUNDS - 1}"}
            assert account.by_person() == {person: last | {"phone": person} for person in PEOPLE}
            for person in PEOPLE:
                assert account.notes_of(person) == [f"Bot: bye {person}"]
                assert_in_order([seen.what for seen in account.seen if seen.person == person])
            assert account.wrong == []
            assert pipeline.read("agents.crm.dlq") == []
            process.terminate()
            assert process.wait(30) == 0
            found = report(gather(pipeline.kafka, ("echo", "crm")), None)
            assert found.violations == []
            brought = found.deliveries
            assert brought.asked == sum(brought.by_end.values()) > len(PEOPLE) * 2
            assert brought.by_end.keys() == {"delivered", "merged"}
            assert (brought.waiting_count, brought.pending) == (0, 0)
        finally:
            pipeline.stop()
    assert TOKEN not in "".join(log.read_text() for log in tmp_path.glob("*.log"))


def messages(pipeline: Pipeline) -> list[inbound.InboundEvent]:
    return [event for event in pipeline.events("echo", LINE) if event.kind == "message"]


def assert_in_order(whats: list[Any]) -> None:
    """What was new at the contact came in order; after a kill a part may come once more, in order again."""
    stages = [what["stage"] for what in whats if isinstance(what, dict) and "stage" in what]
    assert list(dict.fromkeys(stages)) == sorted(set(stages)) != []
