"""The chart's files are what the code declares, and permissions follow the catalogue."""

import json
import shutil
from pathlib import Path

import pytest

from relevo.kubernetes import __main__ as program
from relevo.kubernetes import files
from relevo.kubernetes.permissions import EACH, OWN, User, users
from relevo.kubernetes.settings import SET_BY_THE_CHART, settings_schema
from runtime.settings import AREAS
from runtime.settings.area import is_secret, known_variables
from schemas import topics

UNWRITTEN = {"campaigns.dlq", "campaigns.chunks.dlq"}  # nobody has a dead letter for them, nor checks them
USERS = {user.name: user for user in users()}


def of(user: str, resource: str = "topic") -> dict[str, set[str]]:
    return {grant.name: set(grant.operations) for grant in USERS[user].grants if grant.resource == resource}


def test_no_file_of_the_chart_is_stale() -> None:
    assert files.stale() == [], "run python -m relevo.kubernetes --write"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    shutil.copytree(files.CHART, tmp_path / "chart")
    return tmp_path / "chart"


@pytest.mark.parametrize("name", ["files/topics.yaml", "files/permissions.yaml"])
def test_a_file_that_is_missing_or_was_edited_is_stale(chart: Path, name: str) -> None:
    file = chart / name
    file.write_text(file.read_text() + "# by hand\n")
    assert files.stale(chart) == [name]
    file.unlink()
    assert files.write(chart) == [name]
    assert files.stale(chart) == []


def test_a_setting_that_was_edited_in_the_values_schema_is_stale_and_the_rest_of_it_stays(chart: Path) -> None:
    schema = json.loads((chart / files.SCHEMA).read_text())
    before = schema["properties"]
    del schema["$defs"]["settings"]["properties"]["RELEVO_EGRESS_RATE_PER_S"]
    (chart / files.SCHEMA).write_text(json.dumps(schema))
    assert files.write(chart) == [files.SCHEMA]
    after = json.loads((chart / files.SCHEMA).read_text())
    assert after["properties"] == before
    assert "RELEVO_EGRESS_RATE_PER_S" in after["$defs"]["settings"]["properties"]


def test_the_command_checks_and_writes(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (chart / "files" / "topics.yaml").unlink()
    assert program.main(["--check"], chart) == 1
    assert "files/topics.yaml is stale" in capsys.readouterr().err
    assert program.main(["--write"], chart) == 0
    assert "wrote files/topics.yaml" in capsys.readouterr().out
    assert program.main(["--write"], chart) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert program.main(["--check"], chart) == 0


@pytest.mark.parametrize("user", [user for user in USERS.values() if user.name not in ("tools", "scaler", "agents")])
def test_a_service_writes_what_it_produces_and_reads_what_it_consumes_and_nothing_else(user: User) -> None:
    has = of(user.name)
    for topic in topics.catalogue((EACH,)).values():
        can = has.get(topic.name, set())
        writes = user.name in topic.producers and topic.name not in UNWRITTEN
        assert ("Write" in can, "Read" in can) == (writes, user.name in topic.consumers)
    assert not any(OWN in name for name in has)
    assert not {one for grant in user.grants for one in grant.operations} - {
        "Read",
        "Write",
        "Describe",
        "DescribeConfigs",
    }


def test_agents_of_one_type_read_their_own_topics_alone_and_write_to_the_events_of_others() -> None:
    has = of("agents")
    assert {name for name, can in has.items() if "Read" in can} == {f"agents.{OWN}", f"agents.{OWN}.state", "tenants"}
    assert {name: can for name, can in has.items() if EACH in name} == {f"agents.{EACH}": {"Write"}}
    assert of("agents", "group") == {f"relevo-agents-{OWN}": {"Read"}, "relevo-follower": {"Describe"}}


def test_every_topic_of_the_catalogue_has_a_writer_and_a_reader_among_the_users() -> None:
    for name in topics.catalogue((OWN,)):
        of_all = [of(user).get(one, set()) for user in USERS for one in (name, name.replace(OWN, EACH))]
        assert {"Read", "Write"} <= set().union(*of_all), name
    assert "Read" in of("tools")[f"agents.{EACH}.state"], "the audit reads what waits there"


@pytest.mark.parametrize("user", USERS)
def test_nobody_is_shown_the_settings_of_a_topic_that_it_cannot_see(user: str) -> None:
    """Kafka's DescribeConfigs does not bring Describe along: the topic would look as if it were not there."""
    assert all(can & {"Read", "Write", "Describe"} for can in of(user).values())


def test_who_counts_what_waits_reads_nothing() -> None:
    assert {one for grant in USERS["scaler"].grants for one in grant.operations} == {"Describe"}


def test_only_who_operates_may_write_tenants_and_nobody_else_dead_letters_of_others() -> None:
    assert [user for user in USERS if "Write" in of(user).get("tenants", set())] == ["tools"]
    writers = {user for user in USERS if "Write" in of(user).get("outbound.replies.dlq", set())}
    assert writers == {"egress", "tools"}


def test_every_setting_may_be_given_unless_the_chart_sets_it_or_it_is_a_secret() -> None:
    given = settings_schema()["properties"]
    secrets = {area.variable(name) for area in AREAS for name, field in area.model_fields.items() if is_secret(field)}
    variables = {area.variable(name) for area in AREAS for name in area.model_fields}
    assert set(given) == variables - SET_BY_THE_CHART - secrets
    assert known_variables() >= SET_BY_THE_CHART
    assert all(one["description"] for one in given.values())
    assert given["RELEVO_EGRESS_BATCH_MAX"] == {
        "description": "Most recipients in one call, unless the line says less.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1000,
    }
