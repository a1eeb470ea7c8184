"""The verdict of `bench.replies`: it finds what is late, lost, doubled, out of order or behind bulk's debt."""

from __future__ import annotations

from typing import Any

from bench.replies import world
from bench.replies.verdict import Reply, judge
from sandbox.chattigo import config
from sandbox.chattigo.ledger import Call, Entry, Message, Recipient

LINE = "56900000000"


def reply(call: int, text: str, came_ms: int, contact: str = "1", accepted: bool = True) -> list[Entry]:
    message = Message(
        call=call, service="isv", account="a", did=LINE, to=contact, contact=contact, kind="text",
        body={"body": text}, wamid=f"w{call}",
    )  # fmt: skip
    made = Call(call=call, method="POST", path="/", route="isv.send", did=LINE, status=200 if accepted else 400,
                accepted=accepted, came_ms=came_ms)  # fmt: skip
    return [message, made] if accepted else [made]


def bulk(call: int, came_ms: int, count: int = 3, did: str = LINE) -> list[Entry]:
    people = [
        Recipient(
            call=call, account="a", did=did, destination=f"{call}{n}", contact=f"{call}{n}", destination_id=None,
            root_id=None, template="t", language="es", namespace="", bot_attention=None, parameters="", wamid="w",
            position=n,
        )
        for n in range(count)
    ]  # fmt: skip
    return [*people, Call(call=call, method="POST", path="/", route="hsm.send", accepted=True, came_ms=came_ms)]


def fed(*made_ms: float, contact: str = "1") -> list[Reply]:
    return [Reply(LINE, contact, f"{n:06d}", made) for n, made in enumerate(made_ms)]


def judged(replies: list[Reply], *entries: list[Entry]) -> dict[str, Any]:
    return judge(replies, [entry for part in entries for entry in part])[0]


def test_waits_are_told_from_the_record_to_the_call() -> None:
    found = judged(fed(1000, 2000), reply(1, "000000", 1010), bulk(2, 1500), reply(3, "000001", 2090))
    assert (found["p50_ms"], found["p99_ms"], found["max_ms"]) == (10, 90, 90)
    assert (found["bulk_calls"], found["bulk_recipients"], found["bulk_smallest"]) == (1, 3, 3)
    assert not any(found[name] for name in ("lost", "doubled", "out_of_order", "behind_debt", "refused_calls"))


def test_a_reply_that_waits_until_bulk_has_gone_again_went_behind_its_debt() -> None:
    late = reply(2, "000000", 14_000)
    assert judged(fed(1000), bulk(1, 13_900), late)["behind_debt"] == 1
    assert judged(fed(1000), bulk(1, 900), late)["behind_debt"] == 0, "late for another reason"
    assert judged(fed(1000), bulk(1, 13_900, did="56900000001"), late)["behind_debt"] == 0, "another line's"
    assert judged(fed(1000), bulk(1, 1050), reply(2, "000000", 1100))["behind_debt"] == 0, "side by side"


def test_what_is_lost_doubled_out_of_order_or_refused_is_counted() -> None:
    found, examples = judge(
        fed(1000, 1001, 1002),
        [
            *reply(1, "000001", 1100),
            *reply(2, "000000", 1101),
            *reply(3, "000000", 1102),
            *reply(4, "x", 1, "1", False),
        ],
    )
    assert (found["lost"], found["doubled"], found["out_of_order"], found["refused_calls"]) == (1, 1, 2, 1)
    assert any("did not come" in one for one in examples)
    assert judged([], bulk(1, 1), bulk(1, 2))["doubled"] == 3, "bulk's recipients are counted, too"


def test_its_chattigo_is_configured_and_keeps_the_lines_rate(tmp_path: Any) -> None:
    made = config.load(world.chattigo_file(tmp_path, [LINE]))
    assert made.knobs.limits.line_per_s == world.RATE
    assert {(one.service, one.dids[0]) for one in made.accounts} == {("isv", LINE), ("hsm", LINE)}
