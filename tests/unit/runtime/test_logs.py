"""No secret and no number of a person comes out of a log, whoever writes it."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import logs
from runtime.logs import redact, redact_text
from runtime.logs.redaction import HIDDEN, TEXT_MAX

PHONES = st.from_regex(r"[1-9][0-9]{9,14}", fullmatch=True)
NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["event", "did", "contact", "to", "id", "event_id", "where", "timestamp", "error", "offset", "at_ms"]
    ),
)
JWT = "eyJhbGciOiJIUzUxMiJ9.eyJpZENsaWVudCI6NDJ9.c2lnbmF0dXJl-x_y"


@given(PHONES, st.text(), st.text())
def test_no_phone_survives_in_any_text(phone: str, before: str, after: str) -> None:
    assert phone not in redact_text(before + phone + after)


@given(
    PHONES, st.lists(st.sampled_from([" ", "-", ".", " - ", ") ", " (", "\u00a0"]), min_size=15, max_size=15), st.data()
)
def test_no_phone_survives_however_it_is_formatted(phone: str, separators: list[str], data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(phone) - 1), max_size=4))
    if len(cuts) == 3 or any(b - a == 4 for a in [0, *cuts] for b in cuts):
        return  # may read as an IP address or a date, which stay
    shown = "+" + "".join((separators[i] if i in cuts else "") + digit for i, digit in enumerate(phone))
    left = re.sub(r"\D", "", re.sub(r"<number …\d\d>", "", redact_text(f"to {shown}, please")))
    assert left == ""


@given(PHONES, NAMES, st.text(max_size=20), st.text(max_size=20))
def test_no_phone_survives_in_any_field_however_deep(phone: str, name: str, before: str, after: str) -> None:
    text = before + phone + after
    event = {name: text, "a": {phone: [text, {name: (text,)}]}, "error": ValueError(text), "set": {text}}
    assert phone not in json.dumps(redact(event), ensure_ascii=False)


@given(PHONES, st.sampled_from(["contact", "did", "msisdn", "x", "id", "waiting"]))
def test_no_phone_survives_as_a_number(phone: str, name: str) -> None:
    shown = json.dumps(redact({name: int(phone), "list": [int(phone)], "float": float(phone)}))
    assert phone not in shown


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists))
def test_redaction_takes_any_value(value: Any) -> None:
    assert redact({"value": value}).keys() == {"value"}


@given(st.text(st.characters(codec="utf-8"), max_size=50).filter(lambda t: not re.search(r"\d|\w:|\.", t)))
def test_text_without_digits_or_secrets_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "listening on 127.0.0.1:9092 and 192.168.100.200:19092",
        "2026-11-23 12:29:45.123456 INFO rebalanced",
        "2026-11-23T12:29:45Z",
        "partition 12, offset 1234567",
        "took 0.0123 s of 20 s",
        "inbound.conversations",
    ],
)
def test_addresses_dates_and_small_numbers_stay(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize("text", ["+52026-11-23", "2026-11-231234567", "5612:29:45.1234567", "1.192.168.100.200"])
def test_what_only_begins_or_ends_like_a_date_or_an_address_is_masked(text: str) -> None:
    assert not re.search(r"\d(\D?\d){7}", redact_text(text))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"got {JWT} back", JWT),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("Authorization: abcdef", "abcdef"),
        ("{'password': 'hunter two', 'x': 1}", "hunter two"),
        ('{"access_token":"abc\\"def"}', "def"),
        ("sasl.password=hunter2 in config", "hunter2"),
        ("POST /v1/webhooks/q83vEjRWeJCrze8SNFZ4kA HTTP/1.1", "q83vEjRWeJCrze8SNFZ4kA"),
        ("https://acme:hunter2@example.org/x", "hunter2"),
        ("?token=abcdef&x=1", "abcdef"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
        ("wamid.HBgLNTY5MTIzNDU2NzgVAgARGBI=", "NTY5MTIzNDU2Nzg"),
    ],
)
def test_secrets_in_texts_are_hidden(text: str, secret: str) -> None:
    assert secret not in redact_text(text)


def test_equal_provider_ids_are_still_recognised() -> None:
    one, other = redact_text("wamid.AAAA"), redact_text("wamid.BBBB")
    assert one == redact_text("wamid.AAAA")
    assert one != other


@pytest.mark.parametrize(
    "name",
    ["password", "access_token", "Authorization", "sasl_password", "webhook_secret", "api-key", "text", "content"],
)
def test_fields_with_telling_names_are_hidden(name: str) -> None:
    assert redact({name: "abc", "deep": [{name: {"x": "abc"}}]}) == {name: HIDDEN, "deep": [{name: HIDDEN}]}


def test_our_measures_and_ids_stay() -> None:
    event = {
        "token_age_s": 28_000,
        "offset": 123_456_789_012,
        "at_ms": 1_764_000_000_000,
        "max_body_bytes": 41_287_680,
        "plan_id": "mzxw6ytboi3tsmzrgiztinjw",
        "event_id": "inbound.conversations-3-123456789012",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ok": True,
        "none": None,
    }
    assert redact(event) == event


def test_long_texts_are_cut_and_bytes_are_only_counted() -> None:
    cut = redact_text("a b " * TEXT_MAX)
    assert len(cut) < TEXT_MAX + 40
    assert cut.endswith("… (32,000 characters)")
    assert redact({"raw": b"secret"}) == {"raw": "<6 bytes>"}


def test_a_value_whose_text_fails_says_so() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert redact({"x": Broken()}) == {"x": "<Broken whose text fails with RuntimeError>"}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where a freshly configured JSON log writes; what was before is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    logs.configure("info", "json", out)
    yield out
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_events_are_json_with_level_logger_and_time(stream: io.StringIO) -> None:
    logs.get("egress.lines").warning("plan of %s refused", "56912345678", plan_id="abc", contact="56912345678")
    (line,) = lines(stream)
    assert line["event"] == "plan of <number …78> refused"
    assert (line["level"], line["logger"], line["plan_id"]) == ("warning", "egress.lines", "abc")
    assert line["contact"] == "<number …78>"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"])


def test_the_standard_library_takes_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka.conn").warning("password=%s for %s", "hunter2", "+56 9 1234-5678")
    logging.getLogger("relevo.librdkafka").error("FAIL sasl.password=hunter2")
    logging.getLogger("aiokafka.conn").info("talkative")
    assert [line["event"] for line in lines(stream)] == [
        f"password={HIDDEN} for <number …78>",
        f"FAIL sasl.password={HIDDEN}",
    ]


def test_a_warning_becomes_a_log_line(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(True)
        warnings.warn("call 56912345678", UserWarning, stacklevel=1)
    assert "<number …78>" in lines(stream)[0]["event"]


@pytest.mark.parametrize("name", ["ours", "foreign"])
def test_exceptions_come_without_local_variables_and_redacted(stream: io.StringIO, name: str) -> None:
    try:
        hidden_local = "-".join(["local", "value"])
        raise ValueError("no plan for 56912345678, token=" + hidden_local)
    except ValueError:
        if name == "ours":
            logs.get("x").exception("failed")
        else:
            logging.getLogger("aiohttp.server").exception("failed")
    (line,) = lines(stream)
    assert "ValueError: no plan for <number …78>" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert "local-value" not in json.dumps(line)
    assert "exc_info" not in line


def test_a_record_that_cannot_be_formatted_does_not_spill_its_arguments(
    stream: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    (handler,) = (h for h in logging.getLogger().handlers if getattr(h, "stream", None) is stream)
    handler.handle(logging.LogRecord("library", logging.WARNING, "x.py", 7, "%d", ("56912345678",), None))
    shown = stream.getvalue() + "".join(capfd.readouterr())
    assert "56912345678" not in shown
    assert "library:7 lost: TypeError" in shown


def test_debug_is_silent_at_info(stream: io.StringIO) -> None:
    logs.get("x").debug("nothing")
    assert lines(stream) == []


def test_odd_values_still_make_a_json_line(stream: io.StringIO) -> None:
    logs.get("x").info("odd", surrogate="\ud800", big_count=2**70, nothing=float("nan"))
    assert lines(stream)[0]["event"] == "odd"


def test_configuring_again_replaces_the_output(stream: io.StringIO) -> None:
    second = io.StringIO()
    logs.configure("info", "console", second)
    logs.get("x").info("started", contact="56912345678")
    assert stream.getvalue() == ""
    assert "started" in second.getvalue()
    assert "56912345678" not in second.getvalue()
