"""The commands against a genuine Kafka: what they write, what they refuse, and what they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from relevo import doctor
from relevo.cli.program import main
from relevo.tenants.store import read_tenants
from runtime.kafka.offsets import end_offsets
from runtime.kafka.reader import read_partition
from runtime.secrets import generate_key, secret_digest
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas import keys, topics
from schemas.campaign import Chunk, Contents, Definition
from schemas.headers import Headers
from schemas.record import decode


class Ran(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


class Cluster(NamedTuple):
    """A broker, and what the commands said of it before and while it got its topics."""

    settings: KafkaSettings
    key_file: Path
    doctor: Ran
    check: Ran
    apply: Ran

    @property
    def environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
        return inherited | {
            "RELEVO_KAFKA_BOOTSTRAP": self.settings.bootstrap,
            "RELEVO_KEYS_FILE": str(self.key_file),
            "ACME_PASSWORD": "hunter2",
        }


def command(environ: dict[str, str], *arguments: object) -> Ran:
    """The command as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "relevo", *map(str, arguments)],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own: the commands know topics by their real names."""
    key_file = tmp_path_factory.mktemp("keys") / "keys"
    key_file.write_text(generate_key("k1") + "\n")
    with Broker() as broker:
        nothing = Ran(0, "", "")
        bare = Cluster(KafkaSettings(bootstrap=broker.bootstrap), key_file, nothing, nothing, nothing)
        verbs = [("doctor",), ("topics", "check"), ("topics", "apply")]
        doctor, check, apply = (command(bare.environ, *verb) for verb in verbs)
        yield bare._replace(doctor=doctor, check=check, apply=apply)


@pytest.fixture
def relevo(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, which saves a second each: `relevo("topics", "ls", PROFILE="laptop")`."""
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)
    for name, value in cluster.environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object, **variables: object) -> Ran:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(f"RELEVO_{name}", str(value))
            patch.setattr(sys, "argv", ["relevo", *map(str, arguments)])
            capsys.readouterr()
            code = 0
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
            captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def did() -> str:
    """A number that no other test has."""
    return f"569{uuid.uuid4().int % 10**8:08d}"


# -- topics


def test_on_an_empty_cluster_check_names_what_is_missing_and_apply_makes_it(cluster: Cluster, relevo: Run) -> None:
    wanted = topics.catalogue(("menu", "echo"))
    assert cluster.check.code == 1
    assert re.findall(r"^(\S+): topic is missing", cluster.check.out, re.MULTILINE) == [*wanted]
    assert "relevo topics apply" in cluster.check.err
    assert cluster.apply.code == 0, cluster.apply.err
    assert re.findall(r"^created (\S+): ", cluster.apply.out, re.MULTILINE) == [*wanted]
    checked = relevo("topics", "check", PROCESSOR_AGENTS="menu,echo")
    assert (checked.code, checked.out) == (0, f"{len(wanted)} topics are as the catalogue says\n")
    assert relevo("topics", "apply").out.startswith("0 changes")


def test_agents_get_topics_when_they_are_named(relevo: Run, name: str) -> None:
    assert relevo("topics", "check", "--agent", name).code == 1
    made = relevo("topics", "apply", "--agent", name).out
    assert re.findall(r"created (\S+):", made) == [f"agents.{name}", f"agents.{name}.state", f"agents.{name}.dlq"]
    assert relevo("topics", "check", PROCESSOR_AGENTS=name).code == 0


def test_a_partition_count_that_differs_is_refused_and_nothing_is_made(
    cluster: Cluster, relevo: Run, name: str
) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.settings.bootstrap})
    new = NewTopic(f"agents.{name}", num_partitions=3, replication_factor=1)
    admin.create_topics([new])[f"agents.{name}"].result(30)
    for verb in ("check", "apply"):
        ran = relevo("topics", verb, "--agent", name)
        assert ran.code == 1
        assert f"agents.{name}: partitions is 3, must be 4; keys would move" in ran.out + ran.err
    assert f"agents.{name}.dlq" not in admin.list_topics(timeout=10).topics


def test_ls_shows_the_catalogue_with_the_counts_of_the_profile(cluster: Cluster, relevo: Run) -> None:
    wide = command(cluster.environ | {"COLUMNS": "250"}, "topics", "ls", "--agent", "menu")
    rows = {cells[1].strip(): cells for cells in (line.split("│") for line in wide.out.splitlines()) if len(cells) > 2}
    assert rows.keys() == topics.catalogue(("menu",)).keys()
    journal = topics.EGRESS_JOURNAL
    shown = [cell.strip() for cell in rows[journal.name][2:6]]
    assert shown == ["4", "did", journal.key, "compact,delete"]
    narrow = relevo("topics", "ls", KAFKA_PROFILE="production").out
    assert " 64 " in narrow
    assert "…" not in narrow


# -- tenants

TENANT = """\
tenant: {name}
secrets: {{webhook: [auto]}}
accounts:
  isv: {{service: isv, base: "http://127.0.0.1:1/isv", username: u@{name}, password: {{env: ACME_PASSWORD}}}}
  hsm: {{service: hsm, base: "http://127.0.0.1:1/hsm", username: u@{name}, password: {{env: ACME_PASSWORD}}}}
lines:
  - {{did: "{did}", sends: isv, templates: hsm, rate: 10}}
templates:
  - {{name: order, language: es, body: 1}}
routing: {{route: [{{to: menu}}]}}
agents: {{menu: {{}}}}
"""
SECRET = re.compile(r"/v1/webhooks/([A-Za-z0-9_-]{43,})\n")


def tenant_file(folder: Path, name: str, did: str, change: tuple[str, str] = ("", "")) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(TENANT.format(name=name, did=did).replace(*change))
    return file


def test_a_tenant_is_written_and_its_secret_is_shown_once(
    cluster: Cluster, relevo: Run, tmp_path: Path, name: str, did: str
) -> None:
    file = tenant_file(tmp_path, name, did)
    first = relevo("tenants", "apply", file, "--url", "https://hooks.example/")
    assert first.code == 0, first.err
    [secret] = SECRET.findall(first.out)
    assert f"https://hooks.example/v1/webhooks/{secret}\n" in first.out
    stands = read_tenants(cluster.settings)[name]
    assert [one.sha256 for one in stands.secrets] == [secret_digest(secret)]
    again = relevo("tenants", "apply", file)
    assert (again.code, again.out) == (0, f"{name}: 1 lines, 2 accounts\n")
    kept = read_tenants(cluster.settings)[name]
    assert kept.secrets == stands.secrets
    assert kept.updated_ms > stands.updated_ms


def test_neither_password_nor_secret_stands_in_kafka(
    cluster: Cluster, relevo: Run, tmp_path: Path, name: str, did: str
) -> None:
    [secret] = SECRET.findall(relevo("tenants", "apply", tenant_file(tmp_path, name, did)).out)
    [record] = [one for one in read(cluster, topics.TENANTS.name, 0) if one.key() == name.encode()]
    assert b"hunter2" not in (record.value() or b"")
    assert secret.encode() not in (record.value() or b"")
    headers = Headers.from_kafka(record.headers())  # type: ignore[arg-type]
    assert (headers.id, headers.type, headers.tenant) == (name, "tenant", name)


def test_a_line_of_another_tenant_is_refused_also_within_one_command(
    cluster: Cluster, relevo: Run, tmp_path: Path, name: str, did: str
) -> None:
    mine, theirs = tenant_file(tmp_path, name, did), tenant_file(tmp_path, f"{name}b", did)
    both = relevo("tenants", "apply", mine, theirs)
    assert (both.code, both.out) == (1, "")
    assert not {name, f"{name}b"} & read_tenants(cluster.settings).keys()
    assert relevo("tenants", "apply", mine).code == 0
    refused = relevo("tenants", "apply", theirs)
    assert refused.code == 1
    assert refused.err == f"line {did} belongs to tenant {name}; take it out there first\n"
    assert f"{name}b" not in read_tenants(cluster.settings)


def test_mistakes_are_named_with_their_lines_and_nothing_is_written(
    cluster: Cluster, relevo: Run, tmp_path: Path, name: str, did: str
) -> None:
    good = tenant_file(tmp_path, name, did)
    bad = tenant_file(tmp_path, f"{name}b", did[:-1] + "x", ("rate: 10", "rat: 10"))
    ran = relevo("tenants", "apply", good, bad)
    assert (ran.code, ran.out) == (1, "")
    assert f"{bad}:7: lines[0].rat: no such field; did you mean 'rate'?" in ran.err.splitlines()
    assert f"{bad}:7: lines[0].did: a number is 7 to 15 digits, with country code and without +" in ran.err
    assert not {name, f"{name}b"} & read_tenants(cluster.settings).keys()


def test_applying_needs_a_key_ring(relevo: Run, tmp_path: Path, name: str, did: str) -> None:
    file = tenant_file(tmp_path, name, did)
    unset = relevo("tenants", "apply", file, KEYS_FILE="")
    assert unset.code == 1
    assert "relevo keys new FILE" in unset.err
    missing = relevo("tenants", "apply", file, KEYS_FILE=tmp_path / "none")
    assert missing.code == 78
    assert "RELEVO_KEYS_FILE" in missing.err


def test_ls_shows_what_stands_and_no_number_is_cut(relevo: Run, tmp_path: Path, name: str, did: str) -> None:
    relevo("tenants", "apply", tenant_file(tmp_path, name, did))
    shown = relevo("tenants", "ls").out
    assert "…" not in shown
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    names = [cells[0] for cells in rows]
    mine = rows[names.index(name) :] if name in names else rows
    assert did in "".join(cells[3] for cells in mine)
    assert "hunter2" not in shown


# -- campaigns


@pytest.fixture(scope="module")
def lines(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Lines of the tenant `shop`, which stands."""
    numbers = [f"5690000{n:04d}" for n in range(20)]
    more = "".join(f'  - {{did: "{one}", templates: hsm, rate: 10}}\n' for one in numbers[1:])
    text = TENANT.format(name="shop", did=numbers[0]).replace("templates:\n", f"{more}templates:\n")
    file = tmp_path_factory.mktemp("tenants") / "shop.yaml"
    file.write_text(text)
    ran = command(cluster.environ, "tenants", "apply", file)
    assert ran.code == 0, ran.err
    return iter(numbers)


@pytest.fixture
def line(lines: Iterator[str]) -> str:
    """A line of `shop` that no other test has."""
    return next(lines)


@pytest.fixture
def submit(relevo: Run, line: str) -> Run:
    """Submits a file for the line: `submit(file, "--dry-run")`; later options win."""
    options = ("--tenant", "shop", "--template", "order", "--line", line)
    return lambda file, *more: relevo("campaign", "submit", file, *options, *more)


def recipients(folder: Path, rows: list[str]) -> Path:
    file = folder / "people[1].csv"
    file.write_text("phone,name\n" + "".join(f"{row}\n" for row in rows))
    return file


def read(cluster: Cluster, topic: str, partition: int) -> list[Message]:
    return list(read_partition(cluster.settings, topic, partition))


def submitted(cluster: Cluster, did: str) -> tuple[list[Any], list[tuple[int, Chunk, Message]]]:
    """(records of campaigns, (offset, chunk, record)) of a line."""
    place = keys.partition(did, 4)
    found = [topics.CAMPAIGNS.decoder().decode(one.value()) for one in read(cluster, "campaigns", place)]
    messages = read(cluster, "campaigns.chunks", place)
    chunks = [(one.offset() or 0, decode(one.value(), Chunk), one) for one in messages]
    return [one for one in found if one.did == did], [one for one in chunks if one[1].did == did]


def ends(cluster: Cluster) -> dict[tuple[str, int], int]:
    """Where the topics of campaigns end."""
    places = [(topic, n) for topic in ("campaigns", "campaigns.chunks") for n in range(4)]
    return end_offsets(cluster.settings, places)


def test_a_campaign_stands_in_kafka_with_exactly_its_recipients(
    cluster: Cluster, submit: Run, tmp_path: Path, line: str
) -> None:
    people = [f"549{n:010d}" for n in range(2500)]
    file = recipients(tmp_path, [f"{one},N{n}" for n, one in enumerate(people)])
    ran = submit(file)
    assert ran.code == 0, ran.err
    records, chunks = submitted(cluster, line)
    definition, contents = records
    assert isinstance(definition, Definition)
    assert isinstance(contents, Contents)
    said = f"campaign {contents.campaign} on line {line}: 2500 recipients in 3 chunks, 0 rows left out"
    assert ran.out.splitlines() == [said, f"see: relevo campaign show {contents.campaign}"]
    assert [len(chunk.recipients) for _, chunk, _ in chunks] == [1000, 1000, 500]
    assert [chunk.first for _, chunk, _ in chunks] == [0, 1000, 2000]
    sent = [(one.to, one.body) for _, chunk, _ in chunks for one in chunk.recipients]
    assert sent == [(one, [f"N{n}"]) for n, one in enumerate(people)]
    assert [(ref.offset, ref.count) for ref in contents.chunks] == [(at, len(c.recipients)) for at, c, _ in chunks]
    assert contents.total == 2500
    assert (definition.tenant, definition.template.name, definition.template.body) == ("shop", "order", [])
    assert {one.campaign for one in (definition, contents, *(chunk for _, chunk, _ in chunks))} == {contents.campaign}


def test_chunks_are_in_kafka_before_the_contents_that_make_them_count(
    cluster: Cluster, submit: Run, tmp_path: Path, line: str
) -> None:
    file = recipients(tmp_path, [f"549{n:010d},x" for n in range(1001)])
    submit(file)
    place = keys.partition(line, 4)
    written = [
        message for message in read(cluster, "campaigns", place) if (message.key() or b"").startswith(line.encode())
    ]
    assert [(one.key() or b"").decode().split("|")[2] for one in written] == ["definition", "contents"]
    _, chunks = submitted(cluster, line)
    last_chunk = max(message.timestamp()[1] for _, _, message in chunks)
    assert last_chunk <= min(message.timestamp()[1] for message in written)


def test_the_same_file_again_is_refused_unless_it_gets_another_id(
    cluster: Cluster, submit: Run, tmp_path: Path, line: str
) -> None:
    file = recipients(tmp_path, ["56911111111,Ana"])
    assert submit(file).code == 0
    again = submit(file)
    assert (again.code, again.out) == (1, "")
    assert re.match(r"campaign c\w{12} exists already: .* with --id\n", again.err)
    assert submit(file, "--id", "spring").code == 0
    records, chunks = submitted(cluster, line)
    assert len(chunks) == 2
    assert [one.campaign for one in records if isinstance(one, Contents)][1:] == ["spring"]


def test_a_dry_run_reports_and_writes_nothing(cluster: Cluster, submit: Run, tmp_path: Path, line: str) -> None:
    file = recipients(tmp_path, [*(f"549{n:010d},x" for n in range(30)), "12,bad"])
    before = ends(cluster)
    ran = submit(file, "--dry-run")
    assert ran.code == 0, ran.err
    shown = ran.out.splitlines()
    assert shown[0].endswith(": 30 recipients of order/es (csv, utf-8-sig, delimiter ',')")
    assert shown[1:4] == [
        f"  line {line}: 30 recipients in 1 calls", "  AR (+54): 30", f"  left out: 1 number; see {file}.rejected.csv",
    ]  # fmt: skip
    assert shown[4] == "  cost: unknown; the tenant file has no `prices` for it"
    assert shown[5].startswith("  about 3 s to send: through at about 20")
    assert Path(f"{file}.rejected.csv").read_text().splitlines()[1].startswith("32,number,")
    assert ends(cluster) == before
    refused = submit(file, "--dry-run", "--max-bad", "1%")
    assert (refused.code, ends(cluster)) == (1, before)
    assert "it would be refused: 1 rows of " in refused.err


def test_rows_that_cannot_be_sent_are_named_and_the_others_go(
    cluster: Cluster, submit: Run, tmp_path: Path, line: str
) -> None:
    file = recipients(tmp_path, ["56911111111,Ana", "+56 9 1111 1111,Ana", "x,Eva", "56922222222,", "56933333333,Luz"])
    refused = submit(file)
    assert refused.code == 1
    assert "2 rows of " in refused.err
    ran = submit(file, "--max-bad", "50%")
    assert ran.code == 0, ran.err
    assert ": 2 recipients in 1 chunks, 3 rows left out\n  left out: 1 duplicate, 1 missing, 1 number; see " in ran.out
    assert [row.split(",")[:2] for row in Path(f"{file}.rejected.csv").read_text().splitlines()[1:]] == [
        ["3", "duplicate"], ["4", "number"], ["5", "missing"],
    ]  # fmt: skip
    _, chunk, _ = submitted(cluster, line)[1][-1]  # behind the one that the refused submission left to nobody
    assert [one.to for one in chunk.recipients] == ["56911111111", "56933333333"]


@pytest.mark.parametrize(
    ("rows", "arguments", "says"),
    [
        (["x,Ana"], (), "has no row that can be sent; 1 were left out"),
        (["56911111111,Ana"], ("--template", "promo"), "has no template promo/es; it has order/es"),
        (["56911111111,Ana"], ("--line", "1"), "has no line '1'"),
        (["56911111111,Ana"], ("--tenant", "nobody"), "no tenant 'nobody'; see: relevo tenants ls"),
        (["56911111111,Ana"], ("--body", "surname"), "no column 'surname'; the file has phone, name"),
        (["56911111111,Ana"], ("--id", "a|b"), "a key part must not be empty nor hold '|'"),
    ],
)
def test_what_cannot_be_submitted_is_refused_and_writes_nothing(
    cluster: Cluster, submit: Run, tmp_path: Path, line: str,
    rows: list[str], arguments: tuple[str, ...], says: str,
) -> None:  # fmt: skip
    file = recipients(tmp_path, rows)
    before = ends(cluster)
    ran = submit(file, *arguments)
    assert ran.code == 1
    assert says in ran.err
    assert ends(cluster) == before


# -- doctor


def test_the_doctor_on_an_empty_cluster_names_every_topic_and_what_to_do(cluster: Cluster) -> None:
    lines = cluster.doctor.out.splitlines()
    assert cluster.doctor.code == 1, cluster.doctor.err
    missing = [line for line in lines if line.startswith("FAIL topics: ")]
    assert len(missing) == len(topics.catalogue(("menu", "echo")))
    assert lines.count("       relevo topics apply") == len(missing)
    assert cluster.doctor.err == ""


def test_the_doctor_finds_nothing_where_all_is_well(relevo: Run, line: str) -> None:
    ran = relevo("doctor")
    assert ran.code == 0, ran.out
    assert "FAIL" not in ran.out
    for what in ("settings", "key ring", "Kafka", "topics", "transactions", "tenants", "account shop/isv"):
        assert f"ok   {what}: " in ran.out
    assert "hunter2" not in ran.out


def test_the_doctor_names_the_partition_where_a_transaction_hangs(
    relevo: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ABORT_SCAN_S", 1)
    briefly = {f"{area}_TRANSACTION_TIMEOUT_S": 1 for area in ("PROCESSOR", "LEASE", "EGRESS")}
    writer = Producer({"bootstrap.servers": cluster.settings.bootstrap, "transactional.id": "hangs"})
    writer.init_transactions(20)
    writer.begin_transaction()
    writer.produce(topics.OUTCOMES.name, b"never ended", partition=2)
    assert writer.flush(20) == 0
    [(_, stands)] = end_offsets(cluster.settings, [(topics.OUTCOMES.name, 2)], committed=True).items()
    ran = relevo("doctor", **briefly)
    assert ran.code == 1
    assert (
        f"FAIL transactions: one is open for more than 2 s, and readers stand still: outcomes/2 at {stands}" in ran.out
    )
    writer.abort_transaction(20)
    assert "ok   transactions: " in relevo("doctor", **briefly).out


@pytest.mark.parametrize(
    ("variables", "fails", "advice"),
    [
        ({"KAFKA_PROFIL": "laptop"}, "settings: RELEVO_KAFKA_PROFIL: no such setting", "docs/reference/settings.md"),
        ({"KEYS_FILE": "/nowhere/keys"}, "settings: RELEVO_KEYS_FILE: ", "relevo keys new FILE"),
        ({"KEYS_FILE": ""}, "key ring: RELEVO_KEYS_FILE is not set", "relevo keys new FILE"),
        ({"PROCESSOR_AGENTS": "menu,ghost"}, "topics: agents.ghost: topic is missing", "relevo topics apply"),
        ({"KAFKA_PROFILE": "production"}, "topics: campaigns: partitions is 4, must be 64", "RELEVO_KAFKA_PROFILE"),
    ],
)
def test_each_failing_line_of_the_doctor_says_what_to_do(
    relevo: Run, variables: dict[str, str], fails: str, advice: str
) -> None:
    ran = relevo("doctor", **variables)
    assert ran.code == 1
    lines = ran.out.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith(f"FAIL {fails}")]
    assert advice in lines[at + 1]
    failing = [number for number, line in enumerate(lines) if line.startswith("FAIL")]
    assert all(lines[number + 1].startswith("       ") for number in failing)


def test_the_doctor_tells_a_key_ring_that_does_not_open_the_passwords(relevo: Run, line: str, tmp_path: Path) -> None:
    other = tmp_path / "keys"
    other.write_text(generate_key("k1"))
    ran = relevo("doctor", KEYS_FILE=other)
    assert ran.code == 1
    assert "FAIL account shop/isv: its password: does not open" in ran.out
    assert "apply the tenant's file again" in ran.out


def test_the_doctor_tells_a_topic_that_keeps_too_little(cluster: Cluster, relevo: Run, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.settings.bootstrap})
    config = topics.agent(name).config(topics.LAPTOP) | {"retention.ms": "1000"}
    relevo("topics", "apply", "--agent", name)
    admin.delete_topics([f"agents.{name}"])[f"agents.{name}"].result(30)
    short = NewTopic(f"agents.{name}", num_partitions=4, replication_factor=1, config=config)
    admin.create_topics([short])[f"agents.{name}"].result(30)
    found = f"FAIL topics: agents.{name}: retention.ms is 1000, must be at least 604800000"
    ran = relevo("doctor", PROCESSOR_AGENTS=name)
    for _ in range(10):  # a broker may tell of a topic, and of its settings, a moment after it was created
        ran = ran if found in ran.out else relevo("doctor", PROCESSOR_AGENTS=name)
    assert (ran.code, found in ran.out) == (1, True), ran.out
    mended = relevo("topics", "apply", "--agent", name)
    assert mended.out.splitlines()[0] == f"set agents.{name}: retention.ms=604800000 (was 1000)"
    assert relevo("topics", "check", "--agent", name).code == 0


# -- the program


def test_wrong_settings_have_an_exit_code_of_their_own(relevo: Run) -> None:
    ran = relevo("topics", "check", KAFKA_PROFILE="desktop")
    assert ran.code == 78
    assert "RELEVO_KAFKA_PROFILE" in ran.err


def test_wrong_usage_says_so(relevo: Run) -> None:
    ran = relevo("campaign", "submit", "nowhere.csv", "--tenant", "a", "--template", "b")
    assert ran.code == 2
    assert "nowhere.csv" in ran.err


def test_a_key_ring_is_made_and_rotated(relevo: Run, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    assert relevo("keys", "new", file).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert relevo("keys", "new", file, "--id", "k2").code == 0
    assert relevo("keys", "ls", file).out == "k2\nk1\n"
    same = relevo("keys", "new", file, "--id", "k2")
    assert same.code == 1
    assert "k2 is there twice" in same.err
    assert relevo("keys", "ls", file).out == "k2\nk1\n"
    assert relevo("keys", "ls", tmp_path / "none").code == 1


# -- runbooks

LOOKS = re.compile(
    r"doctor$|pause ls|topics check|tenants ls|token status|doubt ls|dlq ls|campaign ls|audit|routes test"
)


def looks() -> list[str]:
    """What the runbooks say to look with, each command with its options once. What changes something is not run."""
    pages = Path(__file__).parents[2].glob("docs/runbooks/*.md")
    said = {line for page in pages for line in re.findall(r"^(?:.* )?relevo (.*)$", page.read_text(), re.MULTILINE)}
    alike = {re.sub(r"(--since) \S+", r"\1", line): line for line in sorted(said) if LOOKS.match(line)}
    return list(alike.values())


def test_what_runbooks_say_to_look_with_works(relevo: Run, tmp_path: Path, did: str) -> None:
    assert relevo("tenants", "apply", tenant_file(tmp_path, "acme", did)).code == 0
    assert len(looks()) > 10
    for line in looks():
        ran = relevo(*shlex.split(line))
        assert ran.code == 0, f"relevo {line}: {ran.out}{ran.err}"
        assert ran.out.strip(), f"relevo {line} says nothing"
