"""Each invariant is proved, broken with every id, or not provable and why; what is on its way is no fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from relevo.audit import facts as f
from relevo.audit.balance import Bucket, Tally, tenants
from relevo.audit.gathered import Frame, Gathered, sort, sort_into
from relevo.audit.invariants import RULES, Evidence, prove
from relevo.audit.phrases import logged, people, phrases
from relevo.audit.report import Report, evidence, judge, report, told
from relevo.audit.store import IDS, Memory
from relevo.audit.window import Window
from schemas import topics
from schemas.session import Text
from tests.builders.audit import AGENT, DID, NOW, PARTITION, History
from tests.builders.audit_steps import FAULTS, HONEST, history

BREAKS = {
    1: ("lost_event", "lost_receipt"),
    2: ("routed_twice", "planned_twice", "twice_as_session"),
    3: ("overtaken_event", "overtaken_in_one_post", "overtaken_reply"),
    4: ("twice_in_a_batch", "unplanned_session", "unplanned_in_a_batch"),
    5: ("login_off_record",),
    6: ("parked_nowhere", "uncommitted_campaign_sent", "unowed", "unreadable"),
    7: ("event_of_another_tenant", "sent_for_another_tenant"),
}
ON_ITS_WAY = ("pending_event", "pending_message", "parked", "in_doubt")
INBOUND = topics.INBOUND_CONVERSATIONS.name
REPLIES = topics.OUTBOUND_REPLIES.name


def audit(run: History, window: Window | None = None, *, ledger: bool = True) -> Report:
    return report(sort(run.messages, (AGENT,), window), run.provider if ledger else None)


def verdicts(result: Report) -> dict[int, str]:
    return {one.number: one.verdict for one in result.invariants}


@pytest.mark.parametrize(("number", "fault"), [(n, fault) for n, faults in BREAKS.items() for fault in faults])
def test_a_fault_breaks_exactly_its_invariant_and_names_the_id(number: int, fault: str) -> None:
    run = history([*HONEST, fault, *HONEST])
    result = audit(run)
    assert {n for n, verdict in verdicts(result).items() if verdict == "broken"} == {number}
    [expected] = run.expected.values()
    [broken] = [one for one in result.invariants if one.verdict == "broken"]
    assert [line for name in expected for line in broken.broken if name in line] == broken.broken
    assert broken.broken == result.violations


@pytest.mark.parametrize("state", ON_ITS_WAY)
def test_what_is_on_its_way_breaks_nothing(state: str) -> None:
    assert audit(history([*HONEST, state])).clean


def test_no_fault_of_the_builders_is_left_out() -> None:
    mapped = {fault for faults in BREAKS.values() for fault in faults} | {*ON_ITS_WAY}
    assert FAULTS.keys() - mapped == {"twice_though_its_equal_was_refused", "thrice_though_resent_once"}


def test_with_all_evidence_all_but_the_logs_is_proved() -> None:
    result = audit(history([*HONEST]))
    assert verdicts(result) == dict.fromkeys(range(1, 8), "proved") | {8: "not provable here"}
    assert [one.number for one in result.invariants] == [rule.number for rule in RULES] == list(range(1, 9))


def test_without_the_ledger_it_says_what_cannot_be_proved_and_why() -> None:
    result = audit(history([*HONEST]), ledger=False)
    unproved = {one.number: one.why for one in result.invariants if one.verdict == "not provable here"}
    assert unproved.keys() == {1, 2, 4, 5, 8}
    assert all("--ledger" in why for number, why in unproved.items() if number != 8)
    assert "--logs" in unproved[8]


def test_what_is_broken_is_so_on_less_evidence_too() -> None:
    run = history(["routed_twice"])
    [broken] = [one for one in audit(run, ledger=False).invariants if one.verdict == "broken"]
    assert (broken.number, broken.broken) == (2, [f"routed twice: {run.expected['routed_twice'][0]}"])


def test_logins_cannot_be_told_where_compaction_took_them() -> None:
    run = History()
    run.login("isv|u", 5, on_record=False)
    [five] = [one for one in audit(run).invariants if one.number == 5]
    assert (five.verdict, five.why) == ("not provable here", "compaction took older logins from the topic")


# -- behind a committed offset something must have become of it


def passed(topic: str, offset: int) -> Window:
    return Window(passed={(topic, PARTITION): offset})


def test_an_event_behind_the_committed_offset_of_which_nothing_became_is_named() -> None:
    run = history(["routed", "pending_event", "pending_event"])
    first, second = run.expected["pending_events"]
    result = audit(run, passed(INBOUND, 2), ledger=False)
    assert result.violations == [f"nothing became of the event: {first}"]
    assert (result.events.silent, result.events.pending) == ([first], [second])


def test_a_message_behind_the_committed_offset_of_which_nothing_became_is_named() -> None:
    run = history(["reply_sent", "dead_message", "pending_message", "pending_message"])
    first, second = run.expected["pending_messages"]
    result = audit(run, passed(REPLIES, 3), ledger=False)
    assert result.violations == [f"nothing became of the message: {first}"]
    assert result.messages.pending == [second]


def test_an_honest_history_that_was_passed_to_its_end_is_clean() -> None:
    run = history([*HONEST, "in_doubt", "parked"])
    marks = {(topic.name, PARTITION): 10_000 for topic in topics.STATIC}
    assert audit(run, Window(passed=marks)).violations == []


def test_what_was_repeated_and_is_not_passed_yet_or_came_before_what_was_read_is_not_judged() -> None:
    run = history(["pending_event"])
    marks = {(INBOUND, PARTITION): 5}
    late = Frame(window=Window(passed=marks, starts={(f"agents.{AGENT}", 0): 9}))
    late.first_ms[f"agents.{AGENT}", 0] = NOW + 1
    found = sort(run.messages, (AGENT,), late.window)
    assert report(Gathered(found.store, late), None).violations == []


# -- the time that is read


def test_an_outcome_of_what_was_accepted_before_the_time_that_is_read_is_not_judged() -> None:
    run = history(["unowed"])
    who = run.person()
    run.became(run.planned({run.name("message"): who}), "accepted")
    short = Window(since_ms=NOW, starts={(REPLIES, PARTITION): 7}, begins={(REPLIES, PARTITION): 0})
    result = audit(run, short, ledger=False)
    assert (result.violations, result.not_judged) == ([], 2)


def test_what_lies_within_the_time_is_judged_by_what_its_plan_names_as_its_input() -> None:
    run = History()
    plan = run.planned({(message := run.name("message")): run.person()})
    run.became(plan, "accepted")
    run.take_back()
    run.outcome([message], "accepted")
    read = Window(since_ms=NOW, starts={(REPLIES, PARTITION): 0, (INBOUND, PARTITION): 7})
    assert audit(run, read, ledger=False).violations == [f"outcome of a message that nobody asked for: {message}"]


def test_what_retention_took_is_named_where_it_was_asked_for() -> None:
    begins = {("outcomes", 0): 40, ("outcomes", 1): 0, (REPLIES, 0): 10, ("campaigns", 0): 3}
    whole = Window(starts=dict(begins), begins=begins)
    assert [(one.topic, one.partition, one.offset) for one in whole.unseen] == [
        ("outbound.replies", 0, 10),
        ("outcomes", 0, 40),
    ]
    later = Window(since_ms=1, starts=begins | {("outcomes", 0): 90}, begins=begins)
    assert [one.topic for one in later.unseen] == ["outbound.replies"]
    assert (whole.whole, Window(starts={("outcomes", 0): 5}).whole) == (False, True)


# -- tenants


@pytest.mark.parametrize(("at_ms", "crossed"), [(1_000, []), (61_001, [f"{DID} e"])])
def test_an_event_that_came_after_its_line_went_to_another_tenant_is_named(at_ms: int, crossed: list[str]) -> None:
    tally = Tally()
    routed = f.Routed("e", DID, "57", "acme", "acme", "menu", 0, 0, at_ms)
    tenants(Bucket([routed]), tally, {DID: ("globex", 1_000)})
    assert tally.crossed == crossed


def test_of_one_tenant_nothing_else_is_counted() -> None:
    run = history(["routed", "reply_sent", "event_of_another_tenant", "sent_for_another_tenant"])
    found = report(sort_into(Gathered(frame=Frame(only="globex")), run.messages, (AGENT,)), None)
    assert (found.events.acknowledged, found.events.routed, found.messages.accepted) == (0, 1, 0)
    of_acme = report(sort_into(Gathered(frame=Frame(only="acme")), run.messages, (AGENT,)), None)
    assert (of_acme.events.acknowledged, of_acme.events.routed, of_acme.messages.accepted) == (3, 2, 2)


# -- logs


def told_in(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "egress.log"
    file.write_text(text)
    store, frame = Memory(), Frame(wants_logs=True)
    for fact in (*people("56911112222"), *phrases(Text(body="mi clave de acceso es 4711")), *logged(file)):
        store.put(IDS, fact)
    judged = judge(store, frame, ledger=False)
    [eight] = [one for one in told(judged, frame, evidence(frame, None)).invariants if one.number == 8]
    assert eight.verdict == ("broken" if eight.broken else "proved")
    return eight.broken


@pytest.mark.parametrize(
    "line",
    [
        "sent to 56911112222",
        '{"contact":"+56911112222"}',
        '"Mi clave de acceso" was said',
        "authorization: Bearer abcdefghijklmnop1234",
        "token eyJhbGciOiJIUzI1.x",
    ],
)
def test_people_words_and_secrets_in_a_log_are_named_by_their_line(tmp_path: Path, line: str) -> None:
    assert told_in(tmp_path, f"started\n{line}\n") == ["told in a log: egress.log:2"]


@pytest.mark.parametrize(
    "line",
    ["at 1700000000000", "wamid.56911112222", "569111122223", "mi clave", "line 56900000000 paused", "bearer of"],
)
def test_what_a_log_may_say_is_no_fault(tmp_path: Path, line: str) -> None:
    assert told_in(tmp_path, f"{line}\n") == []


def test_every_rule_has_a_verdict_without_faults() -> None:
    assert {one.verdict for one in prove({}, Evidence(ledger=True, logs=True))} == {"proved"}
