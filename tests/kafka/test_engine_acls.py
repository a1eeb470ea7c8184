"""The engine where Kafka asks for TLS, a login and permissions: it needs exactly those that docs/engine.md lists.

The table of that page is read here, given to the engine's user, and then taken away again one by one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from runtime.engine import Exit
from runtime.settings import KafkaSettings
from tests.builders.secured import secured_broker
from tests.engine_apps.scenario import Scenario

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"
LOGIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="broker" password="inner" user_broker="inner" user_engine="secret";'
)
RESOURCES = {
    "group": ResourceType.GROUP,
    "topic": ResourceType.TOPIC,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """How the broker's own user gets in, who may do everything."""
    folder = tmp_path_factory.mktemp("acls")
    acls = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:broker;User:ANONYMOUS",  # the controller's listener knows no users
    }
    with secured_broker(folder, "broker", "inner", LOGIN, acls) as settings:
        yield settings


@pytest.fixture
def scenario(owner: KafkaSettings, tmp_path: Path) -> Iterator[Scenario]:
    environment = {
        "RELEVO_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "RELEVO_KAFKA_SASL_MECHANISM": "PLAIN",
        "RELEVO_KAFKA_SASL_USERNAME": "engine",
        "RELEVO_KAFKA_SASL_PASSWORD": "secret",
        "RELEVO_KAFKA_SSL_CA_FILE": str(owner.ssl_ca_file),
    }
    with Scenario(owner.bootstrap, "acls", tmp_path, kafka=owner, environment=environment) as scenario:
        yield scenario


def needed(scenario: Scenario) -> list[AclBinding]:
    """The rows of the page, with this engine's names."""
    names = {
        "<app_id>": scenario.name,
        "<source>": scenario.source,
        "<changelog>": scenario.changelog,
        "<output>": scenario.output,
        "<transactional_id>": f"{scenario.name}-0",
    }
    rows = re.findall(
        r"^\| (group|topic|transactional id) \| `(<\w+>)` \| ([\w, ]+) \|", PAGE.read_text(), re.MULTILINE
    )
    return [
        AclBinding(
            RESOURCES[kind],
            names[name],
            ResourcePatternType.LITERAL,
            "User:engine",
            "*",
            AclOperation[operation.upper()],
            AclPermissionType.ALLOW,
        )
        for kind, name, operations in rows
        for operation in operations.split(", ")
    ]


def grant(admin: AdminClient, bindings: list[AclBinding]) -> None:
    for answer in admin.create_acls(bindings).values():
        answer.result(10)


def revoke(admin: AdminClient, binding: AclBinding) -> None:
    taken = AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )
    for answer in admin.delete_acls([taken]).values():
        assert len(answer.result(10)) == 1


@pytest.mark.timeout(300)
def test_the_engine_needs_exactly_the_permissions_of_the_page(scenario: Scenario) -> None:
    wanted = needed(scenario)
    grant(scenario.admin, wanted)
    scenario.feed(500)
    worker = scenario.worker().ready()
    scenario.drained()
    assert worker.stop() == 0
    scenario.verify()
    assert [ends_without(scenario, binding) for binding in wanted] == [
        (Exit.GROUP, "GroupAuthorizationFailedError('acls')"),
        (1, "not allowed: acls-source"),
        (Exit.RECOVERY, "Topic authorization failed"),
        (Exit.TRANSACTION, "Topic authorization failed"),
        (1, "not allowed: acls-output"),
        (1, "Transactional Id authorization failed"),
    ]


def ends_without(scenario: Scenario, binding: AclBinding) -> tuple[int, str]:
    """How a worker ends that has work to do and lacks this, and the last of what it says that tells why."""
    revoke(scenario.admin, binding)
    scenario.feed(50)
    worker = scenario.worker()
    code = worker.exit_code(40)
    assert scenario.behind > 0
    grant(scenario.admin, [binding])
    reasons = re.findall(
        r"GroupAuth\w+\('\w+'\)|not allowed: [\w-]+|Trans\w+ Id auth\w+ failed|Topic auth\w+ failed", worker.text
    )
    return code, reasons[-1] if reasons else worker.text
