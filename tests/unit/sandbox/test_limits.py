"""Limits of a line, a pair and an account, and what WhatsApp holds back: over explicit time, and on the wire."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.chattigo import ledger
from sandbox.chattigo.config import BASES, Template
from sandbox.chattigo.dice import Dice
from sandbox.chattigo.knobs import Knobs, Limits
from sandbox.chattigo.limits import Limiter
from sandbox.chattigo.server import Chattigo

LINE, OTHER, PERSON = "56912345678", "56999999999", "56911111111"
Batch = Callable[..., dict[str, Any]]


def limiter(seed: int = 1, **limits: Any) -> Limiter:
    return Limiter(Knobs(limits=Limits(**limits)), Dice(seed))


def codes(made: Limiter, count: int, now_s: float = 100.0, to: str = PERSON, category: str = "service") -> list[int]:
    return [made.send(LINE, to, category, now_s).code for _ in range(count)]


def test_nothing_is_limited_unless_it_is_turned_on() -> None:
    assert codes(limiter(), 2000, category="marketing") == [0] * 2000


def test_a_line_without_a_queue_takes_one_in_its_turn_and_a_queue_holds_as_many_as_fit() -> None:
    strict = limiter(line_per_s=10, line_queue_s=0)
    assert [strict.send(LINE, PERSON, "service", now).code for now in (100, 100.05, 100.1, 100.15, 100.2)] == [
        0, 130429, 0, 130429, 0,
    ]  # fmt: skip
    queue = limiter(line_per_s=80, line_queue_s=12.5)
    fates = [queue.send(LINE, str(n), "marketing", 100.0) for n in range(1200)]
    assert [fate.code for fate in fates] == [0] * 1001 + [130429] * 199
    assert [fate.wait_s for fate in fates[:3]] == pytest.approx([0, 1 / 80, 2 / 80])
    assert queue.send(OTHER, "1", "marketing", 100.0).code == 0, "another line has its own"
    assert queue.send(LINE, "1", "marketing", 101.0).code == 0


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 2.0]))
@settings(max_examples=60)
def test_no_line_lets_more_through_than_its_rate_and_its_queue_hold(gaps: list[float], queue_s: float) -> None:
    made, now, gone = limiter(line_per_s=5, line_queue_s=queue_s), 100.0, list[float]()
    for gap in gaps:
        now += gap / 10
        fate = made.send(LINE, PERSON, "service", now)
        if not fate.code:
            assert fate.wait_s <= queue_s + 1e-6
            gone.append(now + fate.wait_s)
    assert all(later - earlier >= 0.2 - 1e-6 for earlier, later in pairwise(gone))


def test_a_pair_has_its_burst_and_pays_it_back_by_waiting() -> None:
    made = limiter(pair_s=6, pair_burst=45)
    assert codes(made, 47) == [0] * 45 + [131056] * 2
    assert codes(made, 1, to="56922222222") == [0]
    assert [codes(made, 2, 106.0), codes(made, 2, 111.9), codes(made, 2, 112.0)] == [
        [0, 131056],
        [131056] * 2,
        [0, 131056],
    ]
    assert codes(made, 45, 100.0 + 12 + 45 * 6) == [0] * 45


def test_the_forms_of_one_number_are_one_person() -> None:
    made = limiter(pair_s=6, pair_burst=1)
    assert (codes(made, 1, to="5491155556666"), codes(made, 1, to="541155556666")) == ([0], [131056])


def test_a_send_over_one_limit_uses_up_nothing_of_the_other() -> None:
    made = limiter(pair_s=6, pair_burst=1, line_per_s=1, line_queue_s=0)
    assert codes(made, 3) == [0, 130429, 130429]
    assert codes(made, 1, 101.0) == [131056]
    assert codes(made, 1, 101.0, to="56922222222") == [0], "the pair's refusal has left the line's turn"


def test_what_whatsapp_holds_back_is_the_seeds_and_not_the_times() -> None:
    people = [f"569{n:08d}" for n in range(2000)]

    def fates(seed: int, step: float, order: int = 1) -> dict[str, int]:
        made = limiter(seed, withheld=0.1, opted_out=0.05)
        return {p: made.send(LINE, p, "marketing", 100 + n * step).code for n, p in enumerate(people[::order])}

    found = fates(1, 0.0)
    assert found == fates(1, 7.5, -1)
    assert found != fates(2, 0.0)
    shares = {code: sum(one == code for one in found.values()) / 2000 for code in (131049, 131050)}
    assert shares == pytest.approx({131049: 0.095, 131050: 0.05}, abs=0.03)


def test_an_opt_out_stands_and_what_was_withheld_may_go_another_time() -> None:
    made = limiter(withheld=0.5, opted_out=0.5)
    by_person = {p: set(codes(made, 30, to=p, category="marketing")) for p in map(str, range(50))}
    assert {frozenset(found) for found in by_person.values()} == {frozenset({131050}), frozenset({0, 131049})}
    assert codes(made, 200, category="utility") == [0] * 200


def test_a_restricted_line_fails_its_templates_and_no_reply() -> None:
    made = limiter(restricted=(LINE,))
    assert [codes(made, 1, category=c)[0] for c in ("service", "utility", "marketing")] == [0, 131048, 131048]
    assert made.send(OTHER, PERSON, "marketing", 1.0).code == 0


def test_an_account_has_its_burst_and_is_told_when_to_come_again() -> None:
    made = limiter(calls_per_s=2, calls_burst=3)
    assert [made.call("isv", "a", 100.0) for _ in range(4)] == pytest.approx([0, 0, 0, 0.5])
    assert (made.call("hsm", "a", 100.0), made.call("isv", "b", 100.0)) == (0, 0)
    assert (made.call("isv", "a", 100.5), made.call("isv", "a", 100.5)) == (0, pytest.approx(0.5))


def test_knobs_that_are_turned_hold_at_once() -> None:
    made = limiter()
    codes(made, 5)
    made._knobs.limits = Limits(pair_s=6, pair_burst=2)
    assert codes(made, 4) == [0, 0, 131056, 131056]


@pytest.mark.parametrize("status", [400, 429])
async def test_a_single_message_over_the_lines_rate_is_refused_as_a_graph_error(
    client: Any, chattigo: Chattigo, status: int
) -> None:
    chattigo.turn(limits={"line_per_s": 0.001, "line_queue_s": 0, "error_status": status})
    assert (await client.text())[0] == 200
    refused, answer = await client.text("56922222222")
    assert (refused, orjson.loads(answer)["error"]["code"]) == (status, 130429)
    first, second = [call for call in chattigo.ledger.of(ledger.Call) if call.route == "isv.send"]
    assert (first.to, second.to, second.accepted, second.recipients) == (PERSON, "56922222222", False, 0)
    assert first.came_ms <= first.at_ms <= second.came_ms <= time.time() * 1000
    assert len(chattigo.ledger.of(ledger.Message)) == 1


async def test_a_flat_message_over_the_pairs_rate_is_answered_429(client: Any, chattigo: Chattigo, dids: Any) -> None:
    chattigo.turn(limits={"pair_s": 60, "pair_burst": 1})
    body = {"type": "text", "did": dids[1], "msisdn": PERSON, "content": "hola", "id": "1"}
    assert [(await client.bot(body))[0] for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("over", [{"pair_s": 60, "pair_burst": 1}, {"line_per_s": 0.001, "line_queue_s": 0}])
async def test_a_limit_may_be_told_by_a_failed_receipt(client: Any, chattigo: Chattigo, over: dict[str, Any]) -> None:
    chattigo.turn(limits={"answer": "receipt", **over})
    assert [(await client.text())[0] for _ in range(2)] == [200, 200]
    await chattigo.settled()
    failed = [one for one in chattigo.ledger.of(ledger.Receipt) if one.state == "failed"]
    assert [one.code for one in failed] == [131056 if "pair_s" in over else 130429]
    assert failed[0].wamid == chattigo.ledger.of(ledger.Message)[1].wamid


async def test_a_batch_is_taken_whole_and_who_is_over_a_limit_fails_alone(
    client: Any, chattigo: Chattigo, batch: Batch
) -> None:
    chattigo.turn(limits={"line_per_s": 1000, "line_queue_s": 0.0055})
    assert (await client.hsm(batch(20)))[0] == 200
    await chattigo.settled()
    failed = {one.contact: one.code for one in chattigo.ledger.of(ledger.Receipt) if one.state == "failed"}
    assert 0 < len(failed) < 20
    assert set(failed.values()) == {130429}
    assert f"569{0:08d}" not in failed


async def test_what_stands_in_the_queue_has_its_receipts_later(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    chattigo.turn(limits={"line_per_s": 20})
    assert (await client.hsm(batch(8)))[0] == 200
    await chattigo.settled()
    sent = [one.at_ms for one in chattigo.ledger.of(ledger.Receipt) if one.state == "sent"]
    assert max(sent) - min(sent) >= 300


async def test_marketing_that_is_held_back_fails_by_its_own_number(
    client: Any, chattigo: Chattigo, batch: Batch
) -> None:
    chattigo.world.templates.put(Template("promo", category="marketing"))
    chattigo.world.templates.put(Template("order_update"))
    chattigo.turn(limits={"withheld": 1.0})
    assert [(await client.hsm(batch(2, template=name)))[0] for name in ("promo", "order_update")] == [200, 200]
    await chattigo.settled()
    failed = [one.code for one in chattigo.ledger.of(ledger.Receipt) if one.state == "failed"]
    assert failed == [131049, 131049]


@pytest.mark.parametrize("form", ["absent", "seconds", "date"])
async def test_too_many_calls_are_told_to_come_later(client: Any, chattigo: Chattigo, form: str) -> None:
    chattigo.turn(limits={"calls_per_s": 0.2, "calls_burst": 1, "retry_after": form})
    assert (await client.text())[0] == 200
    url = f"{chattigo.base_url}{BASES['isv']}/v15.0/{LINE}/messages"
    headers = {"Authorization": await client.token("isv")}
    async with aiohttp.ClientSession() as session, session.post(url, json={}, headers=headers) as answer:
        told = answer.headers.get("Retry-After")
        assert (answer.status, await answer.read()) == (429, b"")
    if form == "date":
        assert told is not None
        assert 0 <= parsedate_to_datetime(told).timestamp() - time.time() <= 6
    else:
        assert told == {"absent": None, "seconds": "5"}[form]
    assert chattigo.ledger.of(ledger.Call)[-1].reason == "over the account's calls"


async def test_a_call_too_many_may_be_accepted_and_fail_later(client: Any, chattigo: Chattigo, batch: Batch) -> None:
    chattigo.turn(limits={"calls_per_s": 0.001, "calls_burst": 1, "calls_status": 200})
    assert [(await client.text())[0], (await client.text())[0]] == [200, 200]
    assert [(await client.hsm(batch(1)))[0], (await client.hsm(batch(2)))[0]] == [200, 200]
    await chattigo.settled()
    codes = [one.code for one in chattigo.ledger.of(ledger.Receipt) if one.code]
    assert codes == [130429] * 3
    chattigo.turn(limits={"calls_by": "line"})
    assert [(await client.text())[0] for _ in range(2)] == [200, 200]
    await chattigo.settled()
    assert sum(one.code == 130429 for one in chattigo.ledger.of(ledger.Receipt)) == 4
