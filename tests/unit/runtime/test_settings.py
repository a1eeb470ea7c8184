"""What settings promise: checked at start, complete complaints, no secret shown."""

import os
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import (
    AREAS,
    Area,
    EgressSettings,
    IngressSettings,
    KafkaSettings,
    KeysSettings,
    LeaseSettings,
    ProcessorSettings,
    ServiceSettings,
    SettingsError,
    TenantsSettings,
    describe,
    load,
    unknown_variables,
)
from runtime.settings.area import is_secret, known_variables


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("RELEVO_"):
            monkeypatch.delenv(name)


def complaints(area: type[Area]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(area)
    assert all(line in str(caught.value) for line in caught.value.lines)
    return caught.value.lines


@pytest.mark.parametrize("area", AREAS)
def test_the_defaults_of_every_area_are_valid(area: type[Area]) -> None:
    assert isinstance(load(area), area)


@pytest.mark.parametrize("area", AREAS)
def test_every_setting_is_described_and_named_after_its_area(area: type[Area]) -> None:
    assert area.__doc__
    name = area.__name__.removesuffix("Settings").upper()
    for field_name, field in area.model_fields.items():
        assert field.description, field_name
        assert field.description.endswith((".", "…")), field.description
        assert area.variable(field_name) == f"RELEVO_{name}_{field_name.upper()}"
        if field.annotation in (int, float):
            kinds = {type(bound).__name__ for bound in field.metadata}
            assert kinds & {"Ge", "Gt"}, f"{field_name} has no lower bound"
            assert kinds & {"Le", "Lt"}, f"{field_name} has no upper bound"


def test_all_areas_are_listed() -> None:
    assert {a.__name__ for a in Area.__subclasses__() if a.__module__.startswith("runtime.")} == {
        a.__name__ for a in AREAS
    }


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEVO_KAFKA_BOOTSTRAP", "10.0.0.1:9092,10.0.0.2:9092")
    monkeypatch.setenv("RELEVO_INGRESS_ALLOWED_NETWORKS", "10.0.0.0/8, 2001:db8::/32")
    monkeypatch.setenv("RELEVO_INGRESS_PORT", "")
    assert load(KafkaSettings).bootstrap == "10.0.0.1:9092,10.0.0.2:9092"
    assert load(IngressSettings).allowed_networks == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert load(IngressSettings).port == 8080


def test_settings_cannot_change_later_nor_take_unknown_arguments() -> None:
    settings = EgressSettings(plan_deadline_s=4)
    with pytest.raises(ValueError, match="frozen"):
        settings.plan_deadline_s = 5  # type: ignore[misc]
    with pytest.raises(ValueError, match="plan_deadline"):
        EgressSettings(plan_deadline=5)  # type: ignore[call-arg]


def test_each_wrong_variable_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEVO_EGRESS_BATCH_MAX", "many")
    monkeypatch.setenv("RELEVO_EGRESS_RATE_PER_S", "-1")
    monkeypatch.setenv("RELEVO_EGRESS_PAIR_BURTS", "9")
    lines = complaints(EgressSettings)
    assert len(lines) == 3
    assert lines[0] == "RELEVO_EGRESS_PAIR_BURTS: no such setting; did you mean RELEVO_EGRESS_PAIR_BURST?"
    assert any(line.startswith("RELEVO_EGRESS_BATCH_MAX: ") and "integer" in line for line in lines)
    assert any(line.startswith("RELEVO_EGRESS_RATE_PER_S: ") and "greater than 0" in line for line in lines)


def test_a_misspelt_variable_of_another_area_is_reported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEVO_LEASE_REFRESHAT", "0.5")
    assert complaints(KafkaSettings) == [
        "RELEVO_LEASE_REFRESHAT: no such setting; did you mean RELEVO_LEASE_REFRESH_AT?"
    ]


def test_every_known_variable_is_known() -> None:
    assert unknown_variables(dict.fromkeys(known_variables(), "x")) == []


def test_variables_of_others_and_of_kubernetes_services_are_no_typos() -> None:
    environ = {
        "PATH": "/bin",
        "RELEVO_TEST_KAFKA": "127.0.0.1:9092",
        "RELEVO_WEBHOOKS_SERVICE_HOST": "10.0.0.1",
        "RELEVO_WEBHOOKS_SERVICE_PORT_HTTP": "8080",
        "RELEVO_WEBHOOKS_PORT": "tcp://10.0.0.1:8080",
        "RELEVO_WEBHOOKS_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert unknown_variables(environ) == []
    assert unknown_variables({"RELEVO_WEBHOOKS_PORT": "8080"}) != []


SASL = {
    "RELEVO_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "RELEVO_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "RELEVO_KAFKA_SASL_USERNAME": "relevo",
}


def test_a_secret_comes_from_a_file_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" hunter2 \n")
    for name, value in SASL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RELEVO_KAFKA_SASL_PASSWORD_FILE", str(file))
    password = load(KafkaSettings).sasl_password
    assert password is not None
    assert password.get_secret_value() == " hunter2 "


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot read the file (No such file or directory)"),
        (b"", "the file is empty"),
        (b"\xff\xfe", "the file is not UTF-8 text"),
        (b"x" * 70_000, "the file has more than 65536 bytes"),
    ],
)
def test_a_bad_file_of_a_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("RELEVO_KAFKA_SASL_PASSWORD_FILE", str(file))
    assert complaints(KafkaSettings) == [f"RELEVO_KAFKA_SASL_PASSWORD_FILE: {problem}"]


def test_a_secret_from_two_places_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2")
    monkeypatch.setenv("RELEVO_KAFKA_SASL_PASSWORD_FILE", str(file))
    monkeypatch.setenv("RELEVO_KAFKA_SASL_PASSWORD", "hunter3")
    (line,) = complaints(KafkaSettings)
    assert "not in both" in line
    assert "hunter" not in line


def test_no_secret_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SASL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RELEVO_KAFKA_SASL_PASSWORD", "hunter2")
    settings = load(KafkaSettings)
    shown = describe(settings)
    assert shown["RELEVO_KAFKA_SASL_PASSWORD"] == "(set, hidden)"
    assert shown["RELEVO_KAFKA_SSL_KEY_PASSWORD"] == ""
    assert shown["RELEVO_KAFKA_SASL_USERNAME"] == "relevo"
    assert "hunter2" not in f"{shown} {settings!r} {settings}"
    monkeypatch.setenv("RELEVO_KAFKA_SECURITY_PROTOCOL", "hunter2")
    assert "hunter2" not in "".join(complaints(KafkaSettings))


def test_secrets_are_declared_as_secrets() -> None:
    for area in AREAS:
        for name, field in area.model_fields.items():
            assert is_secret(field) == ("password" in name), f"{area.__name__}.{name}"


@pytest.mark.parametrize("missing", [name for name in SASL if "PROTOCOL" not in name])
def test_an_incomplete_login_is_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in SASL.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    (line,) = complaints(KafkaSettings)
    assert line == f"RELEVO_KAFKA_*: SASL_SSL also needs {missing}, RELEVO_KAFKA_SASL_PASSWORD"


def test_certificates_go_with_their_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("x")
    monkeypatch.setenv("RELEVO_KAFKA_SSL_CERT_FILE", str(file))
    monkeypatch.setenv("RELEVO_INGRESS_TLS_KEY_FILE", str(file))
    assert "go together" in complaints(KafkaSettings)[0]
    assert "go together" in complaints(IngressSettings)[0]
    monkeypatch.setenv("RELEVO_KAFKA_SSL_KEY_FILE", str(tmp_path / "missing"))
    assert complaints(KafkaSettings) == ["RELEVO_KAFKA_SSL_KEY_FILE: Path does not point to a file"]


TIMEOUTS = st.floats(0.5, 100, allow_nan=False)


@given(TIMEOUTS, TIMEOUTS, TIMEOUTS, TIMEOUTS, TIMEOUTS)
def test_timeouts_out_of_order_are_refused(
    plan: float, reply: float, batch: float, rebalance: float, doubt: float
) -> None:
    ordered = plan < min(reply, batch) and max(reply, batch) < rebalance < doubt
    bounded = plan <= 60
    try:
        EgressSettings(
            plan_deadline_s=plan,
            post_timeout_reply_s=reply,
            post_timeout_batch_s=batch,
            rebalance_timeout_s=rebalance,
            doubt_shortest_s=doubt,
            session_timeout_s=1,
        )
    except ValueError:
        assert not (ordered and bounded and rebalance >= 1)
    else:
        assert ordered


@pytest.mark.parametrize(
    ("variable", "value", "others"),
    [
        ("RELEVO_EGRESS_PLAN_DEADLINE_S", "10", "RELEVO_EGRESS_POST_TIMEOUT_REPLY_S (10)"),
        ("RELEVO_EGRESS_POST_TIMEOUT_BATCH_S", "45", "RELEVO_EGRESS_REBALANCE_TIMEOUT_S (45)"),
        ("RELEVO_EGRESS_REBALANCE_TIMEOUT_S", "60", "RELEVO_EGRESS_DOUBT_SHORTEST_S (60)"),
    ],
)
def test_the_complaint_about_the_order_names_both_sides(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, others: str
) -> None:
    monkeypatch.setenv(variable, value)
    (line,) = complaints(EgressSettings)
    assert f"{variable} ({value}) must be less than {others}" in line


@pytest.mark.parametrize(
    ("variable", "value", "sides"),
    [
        (
            "RELEVO_PROCESSOR_AGENT_TIMEOUT_S",
            "16.5",
            "RELEVO_PROCESSOR_DRAIN_S times RELEVO_PROCESSOR_DRAIN_BEGUN_SHARE",
        ),
        ("RELEVO_PROCESSOR_DRAIN_S", "22", "RELEVO_PROCESSOR_AGENT_TIMEOUT_S (15)"),
        ("RELEVO_PROCESSOR_DRAIN_BEGUN_SHARE", "0.6", "RELEVO_PROCESSOR_AGENT_TIMEOUT_S (15)"),
        ("RELEVO_PROCESSOR_DRAIN_S", "45", "RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S (45)"),
    ],
)
def test_an_agent_that_hangs_must_end_before_others_wait_for_its_partition_in_vain(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sides: str
) -> None:
    monkeypatch.setenv(variable, value)
    (line,) = complaints(ProcessorSettings)
    assert variable in line
    assert sides in line


@pytest.mark.parametrize(
    ("area", "values"),
    [
        (EgressSettings, {"reserve_per_s": 80}),
        (EgressSettings, {"line_memory": 60_000}),
        (EgressSettings, {"backoff_s": 61}),
        (EgressSettings, {"session_timeout_s": 46}),
        (ProcessorSettings, {"drain_s": 45, "rebalance_timeout_s": 45}),
        (ProcessorSettings, {"session_timeout_s": 46}),
        (ProcessorSettings, {"window_s": 60, "window_margin_s": 60}),
        (IngressSettings, {"max_body_bytes": 4 * 1024 * 1024}),
        (LeaseSettings, {"refresh_at": 1}),
        (ServiceSettings, {"instance": "a b"}),
        (KeysSettings, {"file": "/does/not/exist"}),
        (TenantsSettings, {"private_networks": "10.0.0.0/99"}),
        (IngressSettings, {"allowed_networks": 7}),
    ],
)
def test_what_does_not_fit_is_refused(area: type[Area], values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"(?i)must|should|less|needs|path"):
        area.model_validate(values)
