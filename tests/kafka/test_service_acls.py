"""All services where Kafka asks each for its login and permissions: what the chart gives them is enough.

Each has a user of its own with the grants of `relevo.kubernetes.permissions`. Customers are answered, a campaign goes
out, and the broker's authorizer writes down what it allowed and what it refused. What was granted and not used is named
here, with what would use it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pydantic import SecretStr

from relevo.demo import play, scenario
from relevo.demo.stage import Stage
from relevo.kubernetes.permissions import Grant, expanded, users
from relevo.supervisor import ServiceSpec
from runtime.kafka import config
from runtime.kafka.topics import apply, check
from runtime.settings import KafkaSettings
from schemas.topics import catalogue
from tests.builders.pipeline import until
from tests.builders.secured import secured_broker

AGENTS = ("menu", "echo")
OWNERS = ("webhooks", "conversations", "agents-menu", "agents-echo", "egress", "lease", "tools")
LOGIN = (
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="inner" '
    + " ".join(
        f'user_{name}="{password}"' for name, password in [("broker", "inner"), *((one, "secret") for one in OWNERS)]
    )
    + ";"
)
ACLS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:broker;User:ANONYMOUS",  # the controller's listener knows no users
}
AUDIT = "warn\nlogger.authorizer.name = kafka.authorizer.logger\nlogger.authorizer.level = debug"
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
SAID = re.compile(
    r"Principal = User:(?P<user>[\w-]+) is (?P<verdict>Allowed|Denied) operation = (?P<operation>\w+) .*?"
    r"on resource = (?P<kind>\w+):(?:LITERAL|PREFIXED):(?P<name>\S+)"
)


class Given:
    """The broker that is there already, as the stage wants one."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def start(self) -> None:
        """It runs."""

    def close(self) -> None:
        """Whoever started it stops it."""


class SecuredStage(Stage):
    """Each service comes as itself, and who looks on and submits campaigns comes as the tools' user."""

    def __init__(self, folder: Path, owner: KafkaSettings) -> None:
        super().__init__(folder, scenario.TENANTS, agents=AGENTS)
        self.owner = owner
        self.broker = Given(owner.bootstrap)  # type: ignore[assignment]

    @property
    def kafka(self) -> KafkaSettings:
        return self.owner.model_copy(update={"sasl_username": "tools", "sasl_password": SecretStr("secret")})

    def environment(self) -> dict[str, str]:
        return super().environment() | _login("tools", self.owner)

    def _fleet(self) -> list[ServiceSpec]:
        return [spec._replace(env={**spec.env, **_login(spec.name, self.owner)}) for spec in super()._fleet()]


def _login(user: str, owner: KafkaSettings) -> Mapping[str, str]:
    return {
        "RELEVO_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "RELEVO_KAFKA_SASL_MECHANISM": "PLAIN",
        "RELEVO_KAFKA_SASL_USERNAME": user,
        "RELEVO_KAFKA_SASL_PASSWORD": "secret",
        "RELEVO_KAFKA_SSL_CA_FILE": str(owner.ssl_ca_file),
    }


def given(owner: str) -> list[Grant]:
    """What the user of this service is granted."""
    name, _, kind = owner.partition("-")
    return expanded(next(user for user in users() if user.name == name), AGENTS, kind)


def binding(owner: str, grant: Grant, operation: str) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if grant.pattern == "prefix" else ResourcePatternType.LITERAL
    return AclBinding(
        KINDS[grant.resource],
        grant.name,
        pattern,
        f"User:{owner}",
        "*",
        OPERATIONS[operation],
        AclPermissionType.ALLOW,
    )


def used(said: list[dict[str, str]], owner: str, grant: Grant, operation: str) -> bool:
    """Whether the authorizer allowed something by it."""
    wanted = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).upper()
    names = (
        one["name"]
        for one in said
        if (one["user"], one["verdict"], one["operation"]) == (owner, "Allowed", wanted)
        and one["kind"].lower() == grant.resource.lower()
    )
    return any(name.startswith(grant.name) if grant.pattern == "prefix" else name == grant.name for name in names)


# What this scenario need not use: a failure, a restart, a takeover, agents that remember, hand over or deliver.
RARE = {
    "webhooks": {("inbound.rejected", "Write")},
    "conversations": {
        *(("optouts", "Write"), ("conversations.state", "Read"), ("inbound.conversations.dlq", "Write")),
        *(("inbound.conversations", "Write"), ("outbound.replies", "Write"), ("agents.echo", "Write")),
    },
    "agents-menu": {
        *(("agents.menu.state", "Read"), ("agents.menu.dlq", "Write"), ("agents.menu", "Write")),
        *(("agents.echo", "Write"), ("inbound.conversations", "Write"), ("deliveries", "Write")),
    },
    "egress": {
        *(("inbound.conversations", "Write"), ("outbound.parked", "Write"), ("tokens.requests", "Write")),
        *((f"{name}.dlq", "Write") for name in ("inbound.receipts", "outbound.replies", "outbound.templates")),
        ("lines.commands.dlq", "Write"),
    },
    "lease": {("tokens", "Read"), ("tokens.requests.dlq", "Write"), ("relevo-reader", "Describe")},
}


@pytest.mark.timeout(420)
async def test_every_service_works_with_the_permissions_that_the_chart_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "people.yaml"
    few.write_text(play.PEOPLE.read_text().replace("people: 200", "people: 10").replace("turns: 1000", "turns: 40"))
    monkeypatch.setattr(play, "PEOPLE", few)
    monkeypatch.setattr(scenario, "CAMPAIGNS", (scenario.CAMPAIGNS[0]._replace(recipients=30, canary=None),))
    with secured_broker(tmp_path, "broker", "inner", LOGIN, ACLS, log_level=AUDIT) as owner:
        admin = AdminClient(config.admin(owner))
        bindings = [binding(one, grant, op) for one in OWNERS for grant in given(one) for op in grant.operations]
        for answer in admin.create_acls(bindings).values():
            answer.result(10)
        apply(owner, catalogue(AGENTS).values())
        stage = SecuredStage(tmp_path / "stage", owner)
        until(lambda: check(stage.kafka, catalogue(AGENTS).values()) == [], "the tools' user sees all topics")
        async with stage:
            await asyncio.gather(play._people(stage), play._campaigns(stage))
            ending = await play.quiet(stage)
    log = await asyncio.to_thread((tmp_path / "kafka" / "broker.log").read_text)
    said = [found.groupdict() for found in SAID.finditer(log)]
    assert [one for one in said if one["verdict"] == "Denied"] == []
    assert ending.result.violations == []
    assert ending.result.quiet, (ending.result.events.pending[:5], ending.result.messages.pending[:5])
    for name, rare in RARE.items():
        granted = {(grant.name, op): grant for grant in given(name) for op in grant.operations}
        assert rare <= granted.keys()
        unused = {one for one, grant in granted.items() if not used(said, name, grant, one[1])}
        assert unused - rare == set(), name
