"""`relevo optout` against a genuine Kafka: lists are taken in by way of conversations, and given out as they came."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from relevo.campaigns.refused import SubmitError
from relevo.conversations.order import OrderError
from schemas.tenant import Line, Routing, Rule
from tests.builders.command import Command, command
from tests.builders.conversations import tenant
from tests.builders.pipeline import Pipeline

pytestmark = pytest.mark.timeout(120)
DID, OTHER, TENANT = "56911190001", "56911190002", "outlist"
PERSON, BSUID = "56922290001", "CL.998877"


@pytest.fixture
def pipeline(broker: str, tmp_path: Path) -> Iterator[Pipeline]:
    made = Pipeline(broker, tmp_path)
    lines = [Line(did=did, sends="main", templates="main") for did in (DID, OTHER)]
    made.tenant(tenant(tenant=TENANT, lines=lines, routing=Routing(route=[Rule(to="menu")], also=["echo"])))
    yield made
    made.stop()


@pytest.fixture
def optout(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`relevo optout …` in this process."""
    return command(monkeypatch, pipeline.kafka.bootstrap, "optout", (OrderError, SubmitError))


def counts(optout: Command) -> dict[tuple[str, str], int]:
    found = [json.loads(line) for line in optout("ls", TENANT, "--json").out.splitlines()]
    return {(one["line"], ",".join(one["categories"])): one["people"] for one in found}


def test_a_list_is_taken_in_once_on_all_lines_and_given_out_as_it_came(
    pipeline: Pipeline, optout: Command, tmp_path: Path
) -> None:
    listed = tmp_path / "list.csv"
    rows = [f"{int(PERSON) + n}," for n in range(40)] + [
        "12,",
        f"{BSUID},marketing",
        f"{PERSON},",
        "56922299999,promos",
    ]
    listed.write_text("\n".join(["Celular,categories", *rows]), "utf-8")
    refused = optout("import", listed, "--tenant", TENANT, "--max-bad", 0.01)
    assert (refused.code, "2 of 44 rows are bad, 4.5%" in refused.err) == (1, True), refused.err
    assert counts(optout) == {}
    early = optout("import", listed, "--tenant", TENANT, "--wait", 0, "--dry-run")
    assert early.out.splitlines()[0] == "44 rows: 82 opt-outs would be ordered, 0 stood already"
    pipeline.conversations("optout-cli")
    done = optout("import", listed, "--tenant", TENANT, "--why", "old system", "--rate", 200, "--json")
    assert done.code == 0, done.out + done.err
    assert {**json.loads(done.out), "rejected": ""} == {
        "rows": 44, "ordered": 82, "stood": 0, "left_out": {"number": 1, "category": 1}, "rejected": "",
    }  # fmt: skip
    bad = list(csv.DictReader(Path(f"{listed}.rejected.csv").read_text("utf-8").splitlines()))
    assert [(row["row"], row["reason"]) for row in bad] == [("42", "number"), ("45", "category")]
    assert counts(optout) == {(did, what): n for did in (DID, OTHER) for what, n in (("all", 40), ("marketing", 1))}
    again = optout("import", listed, "--tenant", TENANT)
    assert again.out.splitlines()[0] == "44 rows: 0 opt-outs ordered, 84 stood already"
    assert pipeline.events("echo", DID) == [], "the list came from there"

    shown = optout("show", DID, "+" + PERSON)
    assert (shown.code, "nothing but one-time passwords" in shown.out, "old system" in shown.out) == (0, True, True)
    assert PERSON not in shown.out
    assert optout("rm", DID, PERSON, "--category", "utility").code == 0
    assert optout("rm", DID, int(PERSON) + 1, "--all-lines").code == 0
    assert optout("show", OTHER, int(PERSON) + 1).code == 1
    assert optout("add", OTHER, BSUID, "--category", "utility", "--why", "asked").code == 0
    assert [event.kind for event in pipeline.events("echo", OTHER)] == ["opted_in", "opted_out"]

    given = tmp_path / "given.csv"
    assert optout("export", TENANT, given).out.startswith("80 opt-outs in ")
    people = {(row["line"], row["number"]): row for row in csv.DictReader(given.read_text("utf-8").splitlines())}
    assert len(people) == 80
    assert people[DID, PERSON]["categories"] == "marketing|reply"
    assert people[OTHER, PERSON]["categories"] == "all"
    assert people[OTHER, BSUID]["categories"] == "marketing|utility"
    assert given.stat().st_mode & 0o077 == 0
    back = optout("import", given, "--tenant", TENANT)
    assert back.out.splitlines()[0] == "80 rows: 0 opt-outs ordered, 80 stood already"
    assert optout("ls", "nobody").code == 1
    assert "has no line" in optout("ls", TENANT, "--line", "56900000000").err
