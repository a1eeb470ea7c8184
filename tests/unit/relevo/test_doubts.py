"""Doubts: what is one now, what becomes of it, and the words for both; and the page on `outcomes` does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.lines.gate.rules import Rules
from relevo import doubts
from relevo.cli.doubt import prospects, told, verdict
from relevo.doubts import Chain, Directory, Journal
from runtime.settings import EgressSettings, KafkaSettings
from schemas import keys
from schemas.journal import CallOutcome, Plan, Result
from schemas.line_command import DecideDoubt
from schemas.outcome import Outcome, State, merge
from schemas.record import decode, encode
from schemas.tenant import Tenant
from tests.builders.lines import DID, WALL, plan, tenant

ROOT = Path(__file__).resolve().parents[3]
OVER = WALL + 5000 + 10_000 + 5000  # plan deadline, time-out of the POST, grace


def rules(only: Tenant | None = None, **policies: Any) -> Rules:
    one = only or tenant(policies=policies)
    return Rules(EgressSettings(), Directory({one.tenant: one}))


def outcome(plan_id: str = "p", result: Result = "in_doubt", at_ms: int = WALL + 1000, **fields: Any) -> CallOutcome:
    return CallOutcome(plan_id=plan_id, did=DID, result=result, at_ms=at_ms, **fields)


def chain(*records: Plan | CallOutcome) -> Chain:
    """The attempts at the messages of the first plan."""
    first = records[0]
    assert isinstance(first, Plan)
    made = Chain(KafkaSettings(), first)
    for record in records:
        made.learn(record)
    return made


def again(of: Plan, plan_id: str, resend_of: str = "", why: str = "") -> Plan:
    return msgspec.structs.replace(
        of, plan_id=plan_id, attempt=of.attempt + 1, resend_of=resend_of, resend_why=why, at_ms=of.at_ms + 10_000
    )


def in_doubt(now_ms: int, *records: Plan | CallOutcome) -> list[tuple[str, int]]:
    journal = Journal(now_ms)
    for record in records:
        journal.learn(record)
    return [(found.entry.plan.plan_id, len(found.left)) for found in journal.doubts(rules())]


# -- what is in doubt


def test_a_plan_without_an_outcome_is_in_doubt_when_its_call_must_have_ended() -> None:
    assert in_doubt(OVER - 1, plan()) == []
    assert in_doubt(OVER, plan()) == [("p", 1)]
    batch = plan(route="batch")
    assert in_doubt(OVER + 20_000 - 1, batch) == []
    assert in_doubt(OVER + 20_000, batch) == [("p", 1)]


@pytest.mark.parametrize("result", ["accepted", "refused", "settled", "not_sent", "throttled"])
def test_a_firmer_outcome_ends_a_doubt_in_any_order(result: Result) -> None:
    assert in_doubt(OVER, plan(), outcome()) == [("p", 1)]
    assert in_doubt(OVER, plan(), outcome(), outcome(result=result)) == []
    assert in_doubt(OVER, plan(), outcome(result=result), outcome()) == []


def test_what_a_later_attempt_took_up_is_in_doubt_no_more_and_the_rest_is() -> None:
    first = plan(contacts=("1", "2", "3"))
    part = again(first, "p2", resend_of="p", why="person")
    part = msgspec.structs.replace(part, messages=first.messages[:2])
    assert in_doubt(OVER, first, outcome()) == [("p", 3)]
    assert in_doubt(OVER, first, outcome(), part, outcome("p2", "accepted")) == [("p", 1)]
    whole = msgspec.structs.replace(part, messages=first.messages)
    assert in_doubt(OVER, first, outcome(), whole, outcome("p2", "accepted")) == []
    assert in_doubt(OVER, first, outcome(), whole, outcome("p2")) == [("p2", 3)]


def test_the_oldest_comes_first_and_however_old_a_doubt_stays() -> None:
    old = plan("old", contacts=("9",), at_ms=WALL - 50 * 86_400_000)
    settled = plan("done", contacts=("8",), at_ms=WALL - 50 * 86_400_000)
    records = (old, outcome("old"), settled, outcome("done", "accepted"), plan(), outcome())
    assert in_doubt(OVER, *records) == [("old", 1), ("p", 1)]


# -- what will become of it


def kinds(*records: Plan | CallOutcome, by: Rules | None = None) -> tuple[str, int, str]:
    return tuple(doubts.coming(chain(*records).entry, by or rules(), OVER))  # type: ignore[return-value]


def test_a_policy_resends_after_its_time_and_so_often() -> None:
    policy = rules(reply={"resend_after_s": 90, "times": 1})
    assert kinds(plan(), outcome(), by=policy) == ("policy", WALL + 91_000, "policy_reply")
    assert kinds(plan(attempt=2), outcome(), by=policy) == ("nothing", 0, "")
    assert kinds(plan(), outcome()) == ("nothing", 0, "")
    short = rules(reply={"resend_after_s": 1, "times": 1})
    assert kinds(plan(), outcome(), by=short)[1] == WALL + 61_000, "not before the shortest that doubts may have"


def test_an_account_that_backs_off_from_500_is_told() -> None:
    one = tenant()
    account = msgspec.structs.replace(one.accounts["isv"], retry_500="backoff")
    backs_off = rules(msgspec.structs.replace(one, accounts={"isv": account}))
    made = plan(account=account.key)
    assert kinds(made, outcome(status=500), by=backs_off) == ("policy", WALL + 2000, "policy_500")
    assert kinds(made, outcome(status=502), by=backs_off) == ("nothing", 0, "")


def test_what_a_person_or_the_gate_decided_is_told() -> None:
    policy = rules(reply={"resend_after_s": 90, "times": 1})
    ordered, refused = outcome(code="resend_ordered"), outcome(code="resend_refused", reason="window_closed")
    assert kinds(plan(), outcome(), ordered, by=policy)[0] == "ordered"
    assert kinds(plan(), outcome(), ordered, refused, by=policy) == ("refused", 0, "window_closed")
    assert kinds(plan()) == ("declared", OVER, "")


# -- words


def words(*records: Plan | CallOutcome, now_ms: int = OVER, **policies: Any) -> str:
    return "\n".join(prospects(chain(*records), rules(**policies), now_ms))


def test_the_words_say_what_happens_by_itself() -> None:
    assert "none owns the line now" in words(plan())
    batch = plan(contacts=("1", "2"), route="batch")
    assert "2 recipients may have it or not" in words(batch, outcome())
    assert "any one recipient settles the whole call" in words(batch, outcome())
    assert "a receipt settles it" in words(plan(), outcome())
    assert "nothing else; the tenant has no policy that resends reply" in words(plan(), outcome())
    policy = {"resend_after_s": 90, "times": 1}
    assert "sent again in 1 min (2023-11-14 22:14:51Z) as policy_reply" in words(plan(), outcome(), reply=policy)
    late = words(plan(), outcome(), now_ms=OVER + 10**6, reply=policy)
    assert "sent again now that it is due" in late
    assert "a person ordered at" in words(plan(), outcome(), outcome(code="resend_ordered"))
    assert "was refused (window_closed)" in words(
        plan(), outcome(), outcome(code="resend_refused", reason="window_closed")
    )


def test_what_is_not_in_doubt_is_told_as_what_it_is() -> None:
    first = plan()

    def told_as(*records: Plan | CallOutcome, now_ms: int = OVER) -> str:
        return verdict(chain(*records), rules(), now_ms)

    assert "only if nothing is known at 2023-11-14 22:13:40Z" in told_as(first, now_ms=WALL)
    assert "sent again by plan p2; look" in told_as(first, outcome(), again(first, "p2", "p", "person"))
    assert told_as(first, outcome(result="accepted")) == "it is accepted since 2023-11-14 22:13:21Z"
    assert told_as(first, outcome(result="refused", code="131026")).endswith(", 131026")
    assert told_as(first, outcome(), outcome(result="settled", code="dropped")).startswith("a person dropped it")


def test_an_attempt_is_told_with_its_reason_and_its_end() -> None:
    first = plan()
    made = chain(first, outcome(status=502, reason="bad gateway"), again(first, "p2", "p", "person"))
    one, two = (told(entry) for entry in made.attempts)
    assert one.endswith("in_doubt 2023-11-14 22:13:21Z (502 bad gateway)")
    assert two.endswith("resend of p (person): no outcome on record")
    assert [p.plan_id for p in made.resends] == ["p2"]


def test_an_order_goes_to_the_partition_of_its_line_and_says_who_and_why() -> None:
    settings = KafkaSettings(profile="production")
    record = doubts.order_record(settings, plan(), "drop", "ana", "está de más", WALL)
    assert (record.topic, record.key, record.partition) == ("lines.commands", DID.encode(), keys.partition(DID, 64))
    order = decode(record.value, DecideDoubt)
    assert (order.plan_id, order.action, order.by, order.did) == ("p", "drop", "ana", DID)
    assert order.why == "está de más"
    assert doubts.order_record(settings, plan(), "drop", "ana", "x", WALL + 1).value != record.value


# -- docs/outcomes.md


def page() -> str:
    return (ROOT / "docs" / "outcomes.md").read_text(encoding="utf-8")


def example() -> dict[str, Any]:
    """The names that the page's Python block defines, word for word."""
    [block] = re.findall(r"^```python\n(.*?)^```$", page(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "outcomes_example"}
    exec(compile(block, "docs/outcomes.md", "exec"), names)
    return names


EXAMPLE = example()


def test_the_pages_consumer_reads_the_examples() -> None:
    states: dict[str, str] = {}
    changes = []
    for name in ("accepted", "failed", "accepted"):
        value = (ROOT / "schemas" / "examples" / "outcomes" / f"{name}.v1.json").read_bytes()
        changes += EXAMPLE["changes"](value, states)
    message = "nfzgk3lbnrswgylupfqw2zlo"
    assert [(one["message_id"], one["contact"], one["state"], one["class"]) for one in changes] == [
        (message, "56922222222", "accepted", "utility"),
        (message, "56922222222", "failed", "reply"),
    ]
    assert changes[1]["code"] == "131026"
    assert states == {message: "failed"}


STATES: tuple[Any, ...] = get_args(State)


@pytest.mark.parametrize("current", [None, *STATES])
def test_the_pages_lattice_is_the_schemas(current: str | None) -> None:
    assert [EXAMPLE["merge"](current, new) for new in STATES] == [merge(current, new) for new in STATES]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(STATES)), max_size=12), st.integers(0, 12))
def test_the_pages_consumer_may_read_the_last_records_again(seen: list[tuple[str, Any]], start: int) -> None:
    values = [
        encode(Outcome(tenant="t", did="d", state=state, at_ms=1, message_ids=[one], contacts=["1"]))
        for one, state in seen
    ]
    states: dict[str, str] = {}
    for value in values:
        EXAMPLE["changes"](value, states)
    before = dict(states)
    for value in values[start:]:
        EXAMPLE["changes"](value, states)
    assert states == before


def test_every_field_and_state_has_its_row() -> None:
    text = page()
    for field in msgspec.structs.fields(Outcome):
        assert f"| `{field.encode_name}` |" in text
    for state in STATES:
        assert f"| `{state}` |" in text
