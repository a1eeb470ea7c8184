"""An answer to a batch that lies about its recipients, or says less than it seems to: nobody is sent to twice, nobody
is lost, and what it costs stays bounded."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from egress.chattigo.answers import HttpAnswer, classify
from egress.chattigo.result import CallResult
from egress.lines.receipts.receipts import Letter, Waiting
from egress.lines.results import settling
from egress.lines.results.named import told_apart
from egress.lines.results.verdicts import decide
from egress.lines.work import Grant
from schemas.chattigo.inbound import Receipt
from schemas.chattigo.results import RecipientResult, read_results
from schemas.journal import CallOutcome, Plan
from schemas.record import encode
from tests.builders import line_model
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, plan, promo, rules, tenant
from tests.builders.lying_model import LyingModel
from tests.builders.partial_model import PartialModel
from tests.unit.egress.test_failures import notice, said

PEOPLE = ("5691000001", "5691000002", "5691000003")
BATCH = plan("p", PEOPLE, route="batch", send_class="marketing", source="outbound.templates")


def answered(results: list[RecipientResult], whole: Plan = BATCH) -> CallOutcome:
    return told_apart(whole, CallOutcome(plan_id="p", did=DID, result="accepted", at_ms=WALL, status=200), results)


def slow(made: PartialModel) -> list[tuple[Grant, CallResult]]:
    """Answers of calls come when the test says so."""
    held: list[tuple[Grant, CallResult]] = []
    made._settle = lambda grant, answer: held.append((grant, answer))  # type: ignore[method-assign]
    return held


def come(made: PartialModel, held: list[tuple[Grant, CallResult]]) -> None:
    del made._settle  # type: ignore[method-assign]
    for grant, answer in held:
        made._settle(grant, answer)


def made_of(batch_max: int = 10, **fields: object) -> PartialModel:
    return PartialModel(rules(tenant(batch_max=batch_max), line_parallel=4, group_max=10), **fields)  # type: ignore[arg-type]


def sent(made: Model, count: int) -> Plan:
    made.put("outbound.templates", *(promo(f"t{n}", f"569{n}") for n in range(1, count + 1)))
    while not made.plans():
        made.step("accept", 3)
    return made.plans()[0]


def run(made: Model, steps: int = 12, seconds: float = 5.0) -> None:
    for _ in range(steps):
        made.step("accept", seconds)


@pytest.mark.parametrize("kind", ["SENT", "DELIVERY", "READ"])
@pytest.mark.parametrize("count", [1, 3])
def test_whom_a_receipt_has_seen_sent_is_not_sent_to_again_because_the_answer_leaves_him_out(
    kind: str, count: int
) -> None:
    made = made_of(left_out={"5691": "130429"}, times={"5691": 1})
    held = slow(made)
    first = sent(made, count)
    made.put("inbound.receipts", notice(first.root_id, "5691", kind))
    made.step("accept", 1)
    come(made, held)
    run(made)
    for _ in range(2):
        made.crash()
        run(made)
    assert len(made.plans()) == 1
    assert made.states()["t1"] in ("sent", "delivered", "read")


def test_a_receipt_that_comes_before_the_next_attempt_takes_the_order_back_over_any_crash() -> None:
    made = made_of(left_out={"5691": "131056", "5692": "131026"}, times={"5691": 1})
    first = sent(made, 3)
    made.step("accept", 0.5)
    made.put("inbound.receipts", notice(first.root_id, "5691", "SENT"))
    made.step("accept", 0.5)
    for _ in range(2):
        run(made)
        made.crash()
    assert len(made.plans()) == 1, "a left-out one who was sent to is not sent to again"
    assert made.states() == {"t1": "sent", "t2": "failed", "t3": "accepted"}
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "131026"))
    run(made)
    assert made.states()["t1"] == "failed", "what WhatsApp says later still counts"


def test_what_is_acted_on_is_not_acted_on_again_when_the_answer_is_heard_on_the_journal() -> None:
    made = made_of(left_out={"5691": "130429"}, times={"5691": 1})
    held = slow(made)
    first = sent(made, 2)
    made.put("inbound.receipts", notice(first.root_id, "5691", "SENT"))
    made.step("accept", 1)
    come(made, held)
    told = next(record for record in made.topics["egress.journal"] if b"left_out" in (record.value or b""))
    run(made, 2)
    made._append([told])  # as an owner hears it that is slow to read
    run(made)
    made.crash()
    run(made)
    assert len(made.plans()) == 1


def test_a_thousand_receipts_of_those_whom_an_answer_does_not_name_are_one_word_on_the_journal() -> None:
    count = 200
    made = made_of(batch_max=count, unnamed={f"569{n}" for n in range(2, count + 1)})
    first = sent(made, count)
    run(made, 2, 1)
    before = len(made.outcomes())
    made.put("inbound.receipts", *(notice(first.root_id, f"569{n}", "SENT") for n in range(2, count)))
    made.step("accept", 1)
    assert len(made.outcomes()) == before + 1
    assert made.outcomes()[-1].unnamed == [count - 1]
    made.crash()
    made.put("inbound.receipts", notice(first.root_id, f"569{count}", "SENT"))
    run(made, 2)
    assert (made.outcomes()[-1].result, made.outcomes()[-1].unnamed) == ("settled", [])
    assert made.partition.lines[DID].doubts == {}


def test_a_receipt_by_a_provider_s_id_that_the_answer_gave_to_another_is_its_person_s() -> None:
    made = made_of()
    rows = [{"id": f"t{n}", "to": f"569{n}", "success": True, "messageId": f"wamid.{3 - n}"} for n in (1, 2)]
    made._answer = lambda whole: _told(made, whole, {"results": rows})  # type: ignore[method-assign]
    sent(made, 2)
    assert made.outcomes()[-1].provider_ids == ["wamid.2", "wamid.1"]
    made.put("inbound.receipts", _cloud("wamid.1", "5691", "failed", 130429))
    run(made, 1)
    made._answer = lambda whole: PartialModel._answer(made, whole)  # type: ignore[method-assign]
    run(made)
    again = made.plans()[1:]
    assert [[m.id for m in one.messages] for one in again] in ([], [["t1"]]), "never somebody else"


def _told(made: PartialModel, whole: Plan, body: object) -> CallResult:
    made.accepted += [(one.contact, one.id) for one in whole.messages]
    return classify(HttpAnswer(status=200, body=encode(body)), made.now.wall_ms)


def _cloud(wamid: str, contact: str, status: str, code: int) -> dict[str, object]:
    one = {"id": wamid, "status": status, "recipient_id": contact, "timestamp": str(WALL // 1000 + 5)}
    one |= {"errors": [{"code": code, "title": "t"}]}
    metadata = {"display_phone_number": DID, "phone_number_id": "1"}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [one]}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "x", "value": value}]}]}


@pytest.mark.parametrize("fate", ["refuse", "throttle", "unreachable", "error_500"])
def test_a_no_that_a_receipt_which_waits_proves_wrong_is_none(fate: str) -> None:
    made = made_of()
    made.named = True
    held = slow(made)
    first = sent(made, 4)
    made.put("inbound.receipts", notice(first.root_id, "5692", "SENT"))
    made.step("accept", 0.01)
    come(made, [(grant, line_model.ANSWERS[fate]) for grant, _ in held])
    run(made, 20, 0.3)
    run(made)
    made.crash()
    run(made)
    assert Counter(message for _, message in made.accepted) == Counter(["t1", "t2", "t3", "t4"])
    assert made.states() == {"t1": "accepted", "t2": "sent", "t3": "accepted", "t4": "accepted"}
    assert all("refused" not in [state for state, _ in said(made, f"t{n}")] for n in range(1, 5))


def test_a_receipt_of_an_earlier_attempt_proves_nothing_of_the_next() -> None:
    made = made_of()
    first = sent(made, 1)
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", "130429"))
    held = slow(made)
    while len(made.plans()) < 2:
        made.step("accept", 3)
    line = made.partition.lines[DID]
    entry = line.book.plan(made.plans()[1].plan_id)
    assert entry is not None
    for at_ms, proves in ((first.at_ms + 1, False), (entry.plan.at_ms + 1, True)):
        receipt = Receipt(format="flat", state="failed", id="t1", did=DID, contact="5691", at_ms=at_ms)
        line.receipts.add(Waiting(receipt, Letter(0, DID, "acme", None, b"", [], 1), made.now.s))
        grant, _ = held[-1]
        account, ours = grant.channel.account, made.rules.settings
        verdict = decide(grant.plan, line_model.ANSWERS["throttle"], account, ours, WALL)
        assert (settling.proven(line, verdict).outcome.result == "settled") == proves


@pytest.mark.parametrize("fate", ["refuse", "throttle"])
def test_a_receipt_that_is_read_while_the_answer_is_written_ends_the_search_before_it_costs_a_call(fate: str) -> None:
    made = PartialModel(rules(tenant(batch_max=10), line_parallel=4, group_max=10, backoff_s=0.01, bisect_calls=20))
    held = slow(made)
    first = sent(made, 4)
    made.step("accept", 1.0)  # all that waits was looked at
    [(grant, _)] = held
    line = made.partition.lines[DID]
    answer = line_model.ANSWERS[fate]
    decided = decide(grant.plan, answer, grant.channel.account, made.rules.settings, made.now.wall_ms)
    verdict = settling.proven(line, decided)
    made.put("inbound.receipts", notice(first.root_id, "5692", "SENT"))
    made.step("accept", 0.0)
    made._append(settling.announcement(0, grant.plan, verdict.outcome))
    settling.settled(line, grant.items, verdict._replace(hold_s=0), made.now)
    made.step("accept", 0.02)
    run(made)
    assert made.plans() == [first]
    assert made.states()["t2"] == "sent"


@pytest.mark.parametrize(
    "results",
    [
        [RecipientResult(id=f"{n}", taken=True, provider_id=f"wamid.{n}") for n in range(3)],
        [RecipientResult(id="a", taken=True)],
        [RecipientResult(taken=True)],
    ],
)
def test_a_yes_that_names_nobody_by_a_name_of_ours_is_a_yes_for_all(results: list[RecipientResult]) -> None:
    outcome = answered(results)
    assert (outcome.result, outcome.unnamed, outcome.left_out) == ("accepted", [], [])
    assert outcome.provider_ids == ([f"wamid.{n}" for n in range(3)] if len(results) == 3 else [])


@pytest.mark.parametrize(
    "results",
    [
        [
            RecipientResult(id="a", taken=True),
            RecipientResult(id="b", taken=False),
            RecipientResult(id="c", taken=True),
        ],
        [RecipientResult(id="a", taken=False)],
        [RecipientResult(id="a", taken=None)],
        [RecipientResult(to="5691999999", taken=True)],
        [RecipientResult(id="a", taken=True), RecipientResult(to="5691999999", taken=True)],
    ],
)
def test_a_no_or_a_number_of_somebody_else_that_names_nobody_of_the_batch_is_a_doubt(
    results: list[RecipientResult],
) -> None:
    outcome = answered(results)
    assert (outcome.result, outcome.unnamed, outcome.left_out) == ("in_doubt", [], [])


def test_a_result_with_the_id_of_one_and_the_number_of_another_proves_nothing_of_either() -> None:
    others = [RecipientResult(to=PEOPLE[2], taken=True), RecipientResult(to=PEOPLE[1], taken=True)]
    outcome = answered([RecipientResult(id=f"p-{PEOPLE[0]}", to=PEOPLE[1], taken=False, code="130429"), *others])
    assert (outcome.left_out, outcome.unnamed) == ([], [0, 1])


@pytest.mark.parametrize(
    "said",
    [
        {"results": {"success": True, "count": 3}},
        {"data": {"results": {"status": "ok"}}},
        {"results": {"accepted": "queued", "failed": False}},
    ],
)
def test_a_summary_is_no_result_of_a_person(said: object) -> None:
    assert read_results(said) == []


def test_our_id_is_found_beside_one_of_the_provider_s() -> None:
    [one] = read_results({"results": [{"id": 77, "destinationId": "m1", "status": "sent"}]})
    assert one.id == "m1"


def test_names_in_an_answer_are_bounded() -> None:
    long = "wamid." + "x" * 100_000
    [one] = read_results({"results": [{"id": "m", "messageId": long, "to": "5" * 9000, "status": "sent"}]})
    assert (len(encode(one))) < 2000


def test_what_is_decided_of_a_batch_goes_on_record_whatever_the_answer_weighs() -> None:
    rows = [
        {"destination": to, "success": False, "errors": [{"code": "c" * 999, "title": "ñ" * 9999}]} for to in PEOPLE
    ]
    made = made_of()
    result = classify(HttpAnswer(status=200, body=encode({"success": True, "results": rows})), WALL)
    account = made.rules.account(BATCH)
    assert account is not None
    verdict = decide(BATCH, result, account, made.rules.settings, WALL)
    assert len(encode(verdict.outcome)) < 3 * 1000


STEPS = ("accept", "accept", "accept", "slow", "slow", "slow", "throttle")
ENDS = ("crash_uncommitted", "crash_after", "refuse", "time_out_taken")


def attempts(made: Model, message_id: str) -> list[Plan]:
    return [one for one in made.plans() if any(m.id == message_id for m in one.messages)]


@pytest.mark.parametrize("seed", range(24))
def test_however_answers_lie_and_whoever_dies_nobody_is_sent_to_after_a_receipt_nor_off_the_record(seed: int) -> None:
    chance = Random(seed)
    batch_max, backoff_s, calls = chance.choice([1, 3, 5]), chance.choice([0.1, 1.0]), chance.choice([0, 6])
    limits = {"line_parallel": 4, "group_max": 10, "backoff_s": backoff_s, "bisect_calls": calls}
    made = LyingModel(rules(tenant(batch_max=batch_max), **limits), chance=chance, lag_s=10.0)
    made.put("outbound.templates", *(promo(f"t{n}", f"569100000{n}") for n in range(6)))
    proven: dict[str, int] = {}
    for _ in range(chance.randint(5, 40)):
        if made.taken and chance.random() < 0.5:
            _hear_of(made, chance.choice(made.taken), proven)
        if chance.random() < 0.4:
            made.answer()
        if chance.random() < 0.3:
            made.answer_late()
        made.step(
            chance.choice(ENDS if chance.random() < 0.2 else STEPS), chance.choice([0.0, 0.1, 0.5, 1.0, 2.0, 5.0])
        )
        assert {name: len(attempts(made, name)) for name in proven} == proven
    while made.held:
        made.answer()
    run(made, 45)
    before = made.plans()
    made.crash()
    run(made, 15)
    assert made.plans() == before, "who comes next finds nothing to do"
    assert {name: len(attempts(made, name)) for name in proven} == proven
    assert set(made.states()) == {f"t{n}" for n in range(6)}
    resends = Counter(m.id for one in made.plans() if one.resend_of for m in one.messages)
    got = Counter(name for _, name in made.accepted)
    assert {name for name, n in got.items() if n > 1 + resends[name]} <= made.denied
    line = made.partition.lines[DID]
    assert made.idle
    assert not line.left_out
    assert not len(line.receipts)


def _hear_of(made: LyingModel, whole: Plan, proven: dict[str, int]) -> None:
    """A receipt of one whom the call reached, if it is the last attempt at that message."""
    for one in whole.messages:
        if one.id in made.took.get(whole.plan_id, ()) and attempts(made, one.id)[-1].plan_id == whole.plan_id:
            kind = made.chance.choice(["SENT", "SENT", "DELIVERY"])
            made.put("inbound.receipts", notice(whole.root_id, one.contact, kind))
            proven.setdefault(one.id, len(attempts(made, one.id)))
            return


def test_an_answer_that_comes_after_its_call_was_settled_orders_no_other_attempt() -> None:
    """The owner that heard from a person may have died with what it knew of him."""
    made = made_of(left_out={"5691": "130429", "5692": "130429"}, times={"5691": 1, "5692": 1})
    held = slow(made)
    first = sent(made, 3)
    made.crash()
    made.put("inbound.receipts", notice(first.root_id, "5691", "SENT"))
    made.step("accept", 1)
    made.crash()
    [(grant, answer)] = held
    verdict = decide(grant.plan, answer, grant.channel.account, made.rules.settings, made.now.wall_ms)
    made._append(settling.announcement(0, grant.plan, verdict.outcome))
    run(made)
    made.crash()
    run(made)
    assert made.plans() == [first]
    assert said(made, "t2")[-1] == ("failed", "130429")
    assert made.states()["t3"] == "accepted"
