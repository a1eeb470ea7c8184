"""Probes of the knobs of receipts, webhooks, people and human agents."""

import asyncio
from typing import Any

from sandbox.chattigo import humans, ledger
from tests.builders.knobs.rig import ARGENTINE, PERSON, Rig, turns
from tests.unit.sandbox.conftest import CLOUD, FLAT


async def _later(rig: Rig, receipt: str) -> bool:
    """Whether a receipt comes at once."""
    await rig.text()
    return await rig.comes(lambda: any(one.state == receipt for one in rig.found(ledger.Receipt)))


@turns("receipts.sent_s", [60, 60])
async def _(rig: Rig) -> Any:
    return await _later(rig, "sent")


@turns("receipts.delivered_s", [60, 60])
async def _(rig: Rig) -> Any:
    return await _later(rig, "delivered")


@turns("receipts.read_s", [60, 60])
async def _(rig: Rig) -> Any:
    return await _later(rig, "read")


async def _states(rig: Rig) -> Any:
    await rig.text()
    return await rig.receipts()


turns("receipts.read", 0)(_states)
turns("receipts.failed", 1)(_states)
turns("receipts.failed_codes", [131049], receipts={"failed": 1})(_states)
turns("receipts.lost", 1)(_states)
turns("receipts.duplicate", 1)(_states)
turns("receipts.skip_delivered", 1)(_states)


@turns("receipts.reorder", 1, receipts={"sent_s": (0, 0), "delivered_s": (0.05, 0.05), "read_s": (0.05, 0.05)})
async def _(rig: Rig) -> Any:
    return await _states(rig)


@turns("receipts.before_answer", 1, receipts={"sent_s": (0.2, 0.2)})
async def _(rig: Rig) -> Any:
    await rig.text()
    return bool(rig.found(ledger.Receipt))


@turns("receipts.hsm", "both")
async def _(rig: Rig) -> Any:
    await rig.batched()
    await rig.hear()
    return sorted({one.format for one in rig.found(ledger.Receipt)})


@turns("receipts.bot", "none")
async def _(rig: Rig) -> Any:
    await rig.said(id=7)
    return await rig.receipts()


@turns("receipts.array", True, webhooks={"linger_s": 0.1, "batch": (3, 3), "lanes": 1})
async def _(rig: Rig) -> Any:
    await rig.batched(PERSON, PERSON, PERSON)
    return isinstance((await rig.hear())[0], list)


@turns("receipts.session_notice", False)
async def _(rig: Rig) -> Any:
    rig.chattigo.say(FLAT, PERSON, "hola")
    return [one["type"] for one in await rig.hear()]


async def _attempts(rig: Rig, *statuses: int) -> list[tuple[int, bool, bool]]:
    """Attempts of one customer's message that the ISV answers so."""
    rig.isv.statuses = list(statuses)
    rig.chattigo.say(CLOUD, PERSON, "hola")
    await rig.chattigo.settled()
    return [(one.status, one.acked, one.last) for one in rig.found(ledger.Webhook)]


@turns("webhooks.timeout_s", 0.2, webhooks={"timeout_s": 30})
async def _(rig: Rig) -> Any:
    rig.isv.hang = asyncio.Event()
    rig.chattigo.say(CLOUD, PERSON, "hola")
    ended = await rig.comes(lambda: bool(rig.found(ledger.Webhook)), turned=True)
    rig.isv.hang.set()
    rig.isv.hang = None
    return ended


@turns("webhooks.retry_s", [0.01, 0.01, 0.01])
async def _(rig: Rig) -> Any:
    return await _attempts(rig, 500, 500, 500)


@turns("webhooks.max_age_s", 0.001)
async def _(rig: Rig) -> Any:
    return await _attempts(rig, 500)


@turns("webhooks.acks", "2xx")
async def _(rig: Rig) -> Any:
    return await _attempts(rig, 204)


@turns("webhooks.duplicate", 1)
async def _(rig: Rig) -> Any:
    return await _attempts(rig)


@turns("webhooks.duplicate_s", [60, 60], webhooks={"duplicate": 1})
async def _(rig: Rig) -> Any:
    rig.chattigo.say(CLOUD, PERSON, "hola")
    return await rig.comes(lambda: len(rig.found(ledger.Webhook)) > 1)


async def _posts(rig: Rig) -> int:
    for number in range(3):
        rig.chattigo.say(CLOUD, PERSON, f"hola {number}")
    return len(await rig.hear())


turns("webhooks.batch", [3, 3], webhooks={"lanes": 1})(_posts)


@turns("webhooks.linger_s", 1)
async def _(rig: Rig) -> Any:
    loop = asyncio.get_running_loop()
    began = loop.time()
    rig.chattigo.say(CLOUD, PERSON, "hola")
    await rig.hear()
    return loop.time() - began >= 1


@turns("webhooks.lanes", 1, webhooks={"lanes": 64})
async def _(rig: Rig) -> Any:
    rig.isv.hang = asyncio.Event()
    for number in range(8):
        rig.chattigo.say(CLOUD, f"5691111111{number}", "hola")
    try:
        async with asyncio.timeout(0.5 if rig.turned else 10):
            while len(rig.isv.bodies) < 2:  # noqa: ASYNC110 - the ISV tells nobody
                await asyncio.sleep(0.01)
    except TimeoutError:
        return "one after the other"
    finally:
        rig.isv.hang.set()
        rig.isv.hang = None
    return "side by side"


async def _credentials(rig: Rig) -> Any:
    rig.chattigo.say(CLOUD, PERSON, "hola")
    await rig.hear()
    found = rig.isv.headers[-1]
    return {name: found.get(name) for name in ("Authorization", "X-Chattigo-Key", "X-Other")}


turns("webhooks.auth", "bearer")(_credentials)
turns("webhooks.auth_header", "X-Other", webhooks={"auth": "header"})(_credentials)
turns("webhooks.auth_value", "another", webhooks={"auth": "header"})(_credentials)


@turns("webhooks.source_ip", "127.0.0.2")
async def _(rig: Rig) -> Any:
    rig.chattigo.say(CLOUD, PERSON, "hola")
    await rig.hear()
    return rig.isv.peers[-1]


@turns("webhooks.customer_messages", "outbound")
async def _(rig: Rig) -> Any:
    rig.chattigo.say(CLOUD, PERSON, "hola")
    return len(await rig.hear())


@turns("webhooks.receipts", "outbound")
async def _(rig: Rig) -> Any:
    await rig.text()
    return len(await rig.hear())


@turns("webhooks.other_fields", 1)
async def _(rig: Rig) -> Any:
    rig.chattigo.say(CLOUD, PERSON, "hola")
    bodies = await rig.hear()
    return [change["field"] for entry in bodies[0]["entry"] for change in entry["changes"]]


async def _sender(rig: Rig) -> Any:
    rig.chattigo.say(CLOUD, ARGENTINE, "hola")
    value = (await rig.hear())[0]["entry"][0]["changes"][0]["value"]
    return value["contacts"], {name: value["messages"][0].get(name) for name in ("from", "from_user_id")}


turns("people.bsuid", True)(_sender)
turns("people.hidden", 1)(_sender)
turns("people.from_form", "short")(_sender)


@turns("humans.auto", True)
async def _(rig: Rig) -> Any:
    humans.called(rig.chattigo.world, FLAT, PERSON)
    return [one["type"] for one in await rig.hear()]


async def _answered(rig: Rig, events: int) -> bool:
    """Whether so many events of a human come at once."""
    humans.called(rig.chattigo.world, FLAT, PERSON)
    return await rig.comes(lambda: len(rig.found(ledger.Event)) == events)


@turns("humans.says_s", 60, humans={"auto": True, "returns_s": 90})
async def _(rig: Rig) -> Any:
    return await _answered(rig, 1)


@turns("humans.returns_s", 60, humans={"auto": True})
async def _(rig: Rig) -> Any:
    return await _answered(rig, 2)


@turns("humans.cloud", "flat")
async def _(rig: Rig) -> Any:
    humans.say(rig.chattigo.world, CLOUD, PERSON, "soy Marta")
    return await rig.hear()
