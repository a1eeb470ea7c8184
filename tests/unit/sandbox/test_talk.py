"""A customer at the terminal: what is said reaches the webhook, and what the business answers is shown."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from relevo.talk import SandboxError, Talk, shown
from sandbox.chattigo.server import Chattigo
from tests.unit.sandbox.conftest import CLOUD, Client, Isv

ANA, LUZ = "56922222222", "56933333333"


async def heard(talk: Talk, text: str, wait_s: float) -> list[str]:
    return [answer async for answer in talk.says(ANA, text, wait_s)]


async def test_a_customer_hears_the_answers_to_them_alone(chattigo: Chattigo, client: Client, isv: Isv) -> None:
    await client.text(ANA, "de antes")
    async with Talk(chattigo.base_url, CLOUD) as talk:
        assert await talk.webhook(isv.url) == CLOUD
        listening = asyncio.create_task(heard(talk, "hola", 30))
        deadline = time.monotonic() + 20
        while not isv.bodies:
            assert time.monotonic() < deadline, "the webhook did not come"
            await asyncio.sleep(0.01)
        await client.text(LUZ, "a otra persona")
        await client.text(ANA, "¡Hola!")
        await client.text(ANA, "¿Qué necesitas?")
        assert await listening == ["¡Hola!", "¿Qué necesitas?"]


async def test_no_answer_ends_the_wait(chattigo: Chattigo, client: Client) -> None:
    async with Talk(chattigo.base_url, CLOUD) as talk:
        assert await heard(talk, "hola", 0.3) == []


async def test_what_is_wrong_is_said(chattigo: Chattigo, client: Client) -> None:
    async with Talk(chattigo.base_url) as talk:
        with pytest.raises(SandboxError, match=f"--did: {CLOUD}"):
            await talk.line()
    async with Talk(chattigo.base_url, "1") as talk:
        with pytest.raises(SandboxError, match="refuses: ValueError: no line 1"):
            await talk.webhook("http://127.0.0.1:1/x")
    async with Talk("http://127.0.0.1:9") as talk:
        with pytest.raises(SandboxError, match="no sandbox answers at http"):
            await talk.line()


@pytest.mark.parametrize(
    ("kind", "body", "line"),
    [
        ("text", {"body": "hola"}, "hola"),
        ("text", {"type": "TEXT", "content": "hola"}, "hola"),
        ("image", {"link": "https://x", "caption": "foto"}, "[image] foto"),
        (
            "interactive",
            {"body": {"text": "¿Qué?"}, "action": {"buttons": [{"reply": {"id": "1", "title": "Pan"}}]}},
            "[interactive] ¿Qué? [Pan]",
        ),
        (
            "interactive",
            {"body": {"text": "¿Qué?"}, "action": {"sections": [{"rows": [{"id": "1", "title": "Té"}]}]}},
            "[interactive] ¿Qué? [Té]",
        ),
        ("sticker", None, "[sticker]"),
    ],
)
def test_each_kind_of_answer_is_one_line(kind: str, body: Any, line: str) -> None:
    assert shown(kind, body).rstrip() == line
