"""The same seed and the same inputs give the same answers, the same receipts and the same misfortunes."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.chattigo import ledger, profiles
from sandbox.chattigo.knobs import merged
from sandbox.chattigo.people import Saying
from tests.builders.knobs.rig import CHANNEL, Rig, rig
from tests.unit.sandbox.conftest import CLOUD, FLAT, OTHER, Isv

# Misfortunes and oddities of the harshest profile, without its waits; more of them, so that each is met.
HARSH = merged(
    profiles.load("harsh"),
    {
        "latency_s": (0, 0),
        "token_ttl_s": 60,
        "receipts": {"sent_s": (0, 0.01), "delivered_s": (0, 0.01), "read_s": (0, 0.01), "before_answer": 0},
        "webhooks": {"duplicate_s": (0, 0)},
        "wire": {"errors": 0.1, "after": 0.1, "reset_before": 0.1, "reset_after": 0.1, "slow": 0, "burst_each_s": 20},
        "people": {"hidden": 0.3},
    },
)


async def attempt(here: Rig, method: str, path: str, body: Any, service: str) -> tuple[int, bytes]:
    """What a caller sees of a call; (0, nothing) of a reset. Logs in when it is told to."""
    here.clock.now_s += 1.3
    token = here.tokens.get(service, "none")
    authorization = token if service == "isv" else f"Bearer {token}"
    try:
        return await here.call(method, path, body, authorization)
    except aiohttp.ClientError:
        return 0, b""


async def played(folder: Path, isv: Isv, seed: int) -> tuple[list[Any], set[Any], set[Any]]:
    """The answers to a play of calls of all services; the receipts, and the events, that came of it."""
    answers: list[Any] = []
    async with rig(folder, isv, HARSH, seed=seed) as here:
        for number in range(40):
            to = f"569{number % 7:08d}"
            answers += [await login(here, service) for service in ("isv", "hsm", "bot") if number % 10 == 0]
            text = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": f"hola {number}"}}
            answers.append(await attempt(here, "POST", f"/bsp-cloud-chattigo-isv/v15.0/{CLOUD}/messages", text, "isv"))
            people = [f"569{number:04d}{one:04d}" for one in range(10)]
            answers.append(await attempt(here, "POST", "/message/inbound", here.batch(*people, id=number), "hsm"))
            said = {"did": FLAT, "msisdn": to, "type": "text", "content": f"hola {number}", "id": number}
            answers.append(await attempt(here, "POST", "/api-bot/outbound", said, "bot"))
            here.chattigo.say_together([Saying(did=CLOUD, contact=to, message=f"{number}", name="Ana")])
        await here.chattigo.settled()
        receipts = {(one.receipt, one.wamid, one.code, one.lost) for one in here.found(ledger.Receipt)}
        events = {(one.event, one.contact, one.phone) for one in here.found(ledger.Event)}
    return answers, receipts, events


async def login(here: Rig, service: str) -> int:
    """The status of a login; its token is kept."""
    try:
        await here.login(service)  # type: ignore[arg-type]
    except (AssertionError, aiohttp.ClientError):
        return 0
    return 200


async def test_a_seed_gives_the_same_answers(isv: Isv, tmp_path: Path) -> None:
    first = await played(tmp_path / "first", isv, 5)
    again = await played(tmp_path / "again", isv, 5)
    other = await played(tmp_path / "other", isv, 6)
    assert first == again
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))
    statuses = {answer if isinstance(answer, int) else answer[0] for answer in first[0]}
    assert statuses >= {200, 0, 401, 500, 503}
    assert {code for _, _, code, _ in first[1]} - {None}
    assert any(lost for *_, lost in first[1])
    assert any(phone for *_, phone in first[2])


@pytest.mark.parametrize("name", profiles.names())
async def test_every_profile_serves(name: str, isv: Isv, tmp_path: Path) -> None:
    """Whatever a profile does, a caller that tries again gets through, on every service."""
    async with rig(tmp_path, isv, merged(profiles.load(name), {"latency_s": (0, 0)})) as here:
        for service, path, body in (
            ("isv", f"/bsp-cloud-chattigo-isv/v15.0/{CLOUD}/messages", None),
            ("hsm", "/message/inbound", here.batch("56911111111")),
            ("bot", "/api-bot/outbound", {"did": FLAT, "msisdn": "56911111111", "type": "text", "content": "hola"}),
            ("channel", "/webhook-chattigo/inbound", {"did": CHANNEL, "msisdn": OTHER, "type": "text"}),
        ):
            text = {"messaging_product": "whatsapp", "to": "56911111111", "type": "text", "text": {"body": "hola"}}
            for _ in range(30):
                here.clock.now_s += 7
                if await login(here, service) == 200:
                    status, _ = await attempt(here, "POST", path, body or text, service)
                    if status == 200:
                        break
            else:
                raise AssertionError(f"{service} never answered")
