"""The audit names exactly what is wrong: of any history, in any order, the planted ids and nothing else."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo.audit import report as reports
from relevo.audit.gathered import sort
from relevo.audit.report import Report
from schemas import ids, topics
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient
from schemas.record import encode
from schemas.session import Template
from tests.builders.audit import AGENT, DID, NOW, History
from tests.builders.audit_steps import FAULTS, HONEST, STEPS, WORDS, history, worded

VIOLATIONS = {"lost", "lost_receipts", "twice", "unplanned", "unowed", "unkept", "unreadable", *WORDS}
honest = st.lists(st.sampled_from(sorted(HONEST)), max_size=12)
any_steps = st.lists(st.sampled_from(sorted(STEPS)), max_size=16)


def audit(run: History, seed: int | None = None, *, ledger: bool = True) -> Report:
    messages = run.messages
    if seed is not None:
        random.Random(seed).shuffle(messages)
    return reports.report(sort(messages, (AGENT,)), run.provider if ledger else None)


def named(result: Report) -> dict[str, list[str]]:
    """What the audit names, under the builders' words."""
    found = {
        "lost": result.events.lost,
        "lost_receipts": result.events.lost_receipts,
        "pending_events": result.events.pending,
        "twice": result.messages.twice,
        "unplanned": result.messages.unplanned,
        "unowed": result.messages.unowed,
        "pending_messages": result.messages.pending,
        "in_doubt": result.messages.in_doubt,
        "unkept": result.messages.unkept,
        "parked": [one for one in result.messages.parked if one not in result.messages.unkept],
        "unreadable": [line.partition(":")[0] for line in result.unreadable],
    }
    return {what: names for what, names in found.items() if names} | worded(result.violations)


@given(honest, st.integers())
def test_a_clean_history_is_clean_in_any_order(steps: list[str], seed: int) -> None:
    result = audit(history(steps), seed)
    assert named(result) == {}
    assert result.clean
    assert result.quiet


@given(any_steps, st.integers())
def test_exactly_the_planted_ids_are_named(steps: list[str], seed: int) -> None:
    run = history(steps)
    result = audit(run, seed)
    assert named(result) == {what: sorted(names) for what, names in run.expected.items()}
    assert result.clean == (not VIOLATIONS & run.expected.keys())
    assert len(result.violations) == sum(len(names) for what, names in run.expected.items() if what in VIOLATIONS)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_is_named_among_honest_neighbours(fault: str) -> None:
    run = history([*HONEST, fault, *HONEST])
    found = named(audit(run))
    assert found == run.expected
    assert len(found) == 1


@given(any_steps)
def test_both_equations_add_up(steps: list[str]) -> None:
    run = history(steps)
    result = audit(run)
    assert sum(result.messages.by_state.values()) == result.messages.accepted
    assert result.events.acknowledged == len(run.provider.acked)
    assert result.events.dead == run.tally["dead"]
    assert sum(result.events.dropped.values()) == run.tally["dropped"]
    assert result.events.duplicates == run.tally["duplicates"]
    assert result.events.answered == run.tally["answered"]
    assert result.messages.resent == run.tally["resent"]


def test_without_a_ledger_the_topics_speak_for_themselves() -> None:
    run = history(["routed", "pending_event", "reply_sent", "lost_event", "twice_as_session", "unowed"])
    result = audit(run, ledger=False)
    assert result.events.acknowledged == 4
    assert named(result) == {what: run.expected[what] for what in ("pending_events", "unowed")}


def test_an_empty_cluster_is_clean() -> None:
    result = audit(History())
    assert (result.clean, result.quiet, result.events.acknowledged, result.messages.accepted) == (True, True, 0, 0)


def test_time_to_reply_counts_accepted_replies_by_their_cause() -> None:
    found = sort(history(["reply_sent", "equal_texts", "batch_sent", "refused", "in_doubt"]).messages, (AGENT,))
    assert found.reply_ms == [70, 70, 70]


def test_states_follow_the_lattice_of_outcomes() -> None:
    run = History()
    message = run.sent().messages[0].id
    run.outcome([message], "read")
    run.outcome([message], "delivered")
    assert audit(run, seed=3).messages.by_state == {"read": 1}


def test_the_json_is_one_object_with_every_id() -> None:
    run = history(["lost_event"] * 30 + ["pending_event"])
    said = msgspec.json.decode(reports.as_json(audit(run)))
    assert said["events"]["lost"] == sorted(run.expected["lost"])
    assert (said["clean"], said["quiet"]) == (False, False)
    assert len(said["violations"]) == 30


def test_the_table_shows_both_equations() -> None:
    result = audit(history([*HONEST, "lost_event", "lost_receipt", "twice_in_a_batch"]))
    table = reports.table(result)
    cells = [list(column.cells) for column in table.columns]
    events, messages = (dict(zip(cells[i], cells[i + 1], strict=True)) for i in (0, 2))
    assert events["lost"] == "2"
    assert events["dropped: echo"] == "1"
    assert messages["sent twice"] == "1"
    assert messages["resent on record"] == "2"


def test_the_same_id_on_another_line_is_another_event() -> None:
    run = history(["routed"])
    provider = run.provider
    provider.acked = {("56900000000", event) for _, event in provider.acked}
    result = reports.report(sort(run.messages, (AGENT,)), provider)
    assert result.events.lost == ["56900000000 event.1", "56900000000 event.2"]


@given(honest)
def test_a_clean_history_is_clean_without_a_ledger_too(steps: list[str]) -> None:
    result = audit(history(steps), ledger=False)
    assert (named(result), result.clean, result.quiet) == ({}, True, True)


def test_of_two_nameless_bodies_of_one_size_one_is_missed() -> None:
    run = history(["rejected_unknown_shape"])
    run.webhook({"ping": "raw.2"}, ["raw.2"])
    assert len(audit(run).events.lost) == 1


def test_campaigns_of_one_name_on_two_lines_are_two() -> None:
    run, other = History(), "56999999999"
    for did in (DID, other):
        chunk = Chunk(campaign="spring", did=did, index=0, first=0, recipients=[Recipient("5691")], digest="")
        offset = run.put(topics.CAMPAIGNS_CHUNKS.name, encode(chunk), "chunk")
        contents = Contents(
            campaign="spring", did=did, total=1, chunks=[ChunkRef(offset, 1)], digest="", committed_ms=NOW
        )
        run.put(topics.CAMPAIGNS.name, encode(contents), "contents")
    plan = run.planned({ids.message_id_of_recipient(DID, "spring", 0): "5691"}, root=run.name("root"))
    run.became(plan, "accepted")
    found = audit(run, ledger=False).messages
    assert found.accepted == 2
    assert found.pending == [ids.message_id_of_recipient(other, "spring", 0)]


@pytest.mark.parametrize(
    ("states", "word", "quiet"),
    [
        (["draft"], "draft", True),
        (["running", "paused"], "paused", True),
        (["scheduled"], "scheduled", False),
        (["paused", "running"], "pending", False),
        (["running", "paused", "cancelled"], "cancelled", True),
        ([], "draft", True),
    ],
)
def test_whom_a_campaign_does_not_take_up_now_is_counted_by_why(states: list[Any], word: str, quiet: bool) -> None:
    run = History()
    chunk = Chunk(campaign="c", did=DID, index=0, first=0, recipients=[Recipient("5691"), Recipient("5692")], digest="")
    offset = run.put(topics.CAMPAIGNS_CHUNKS.name, encode(chunk), "chunk")
    contents = Contents(campaign="c", did=DID, total=2, chunks=[ChunkRef(offset, 2)], digest="", committed_ms=NOW)
    template = Template(name="promo", language="es")
    definition = Definition(campaign="c", tenant="acme", did=DID, template=template, created_ms=NOW, draft=True)
    run.put(topics.CAMPAIGNS.name, encode(definition), "definition")
    run.put(topics.CAMPAIGNS.name, encode(contents), "contents")
    for n, state in enumerate(states):
        said = Progress(campaign="c", did=DID, state=state, chunk=0, position=1, at_ms=NOW - n, planned=1)
        run.put(topics.CAMPAIGNS.name, encode(said), "progress")
    plan = run.planned({ids.message_id_of_recipient(DID, "c", 0): "5691"}, root=run.name("root"))
    run.taken(plan)
    run.became(plan, "accepted")
    for seed in range(4):
        found = audit(run, seed=seed)
        assert found.messages.by_state == {"accepted": 1, word: 1}
        assert (found.clean, found.quiet) == (True, quiet)
        assert len(found.messages.pending) == (word == "pending")


def test_whom_a_campaign_had_not_come_to_when_it_was_cancelled_is_on_no_way() -> None:
    found = audit(history(["campaign_cancelled"]))
    assert found.messages.by_state == {"accepted": 3, "cancelled": 1}
    assert (found.clean, found.quiet) == (True, True)
