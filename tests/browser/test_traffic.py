"""Thousands of entries leave the page quick, and a sandbox that goes away is waited for."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo.ledger import Event, Receipt, Recipient
from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CLOUD, config
from tests.builders.browser_page import bubble, customer, say

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA = "56911111111"
FRAMES = """() => new Promise(done => { const gaps = []; let last = performance.now(), left = 20;
  const next = now => { gaps.push(now - last); last = now; left -= 1;
    left ? requestAnimationFrame(next) : done(Math.max(...gaps)); };
  requestAnimationFrame(next); })"""


def flood(chattigo: Chattigo, first: int, count: int) -> None:
    """People who write once, and a template with its receipt for each; every tenth thing is Ana's."""
    for number in range(first, first + count):
        who = ANA if number % 10 == 0 else f"569{number % 3000:08d}"
        body = {"type": "text", "text": {"body": f"mensaje {number}"}}
        seen = {"did": CLOUD, "contact": who}
        wamid = f"wamid.{number}"
        chattigo.ledger.write(
            Event(event=f"e{number}", kind="text", format="cloud", origin="customer", name="Ana", body=body, **seen),
            Recipient(
                call=0, account="acme@acme", destination=who, destination_id=None, root_id=None, template="aviso",
                language="es", namespace="", bot_attention=None, parameters="", wamid=wamid, position=0, **seen,
            ),
            Receipt(receipt=f"{wamid}:read", wamid=wamid, id=None, state="read", format="flat", **seen),
        )  # fmt: skip


async def test_thousands_of_entries_leave_it_quick_and_few_elements(page: Page, chattigo: Chattigo) -> None:
    flood(chattigo, 0, 8000)
    await expect(page.locator("#owed")).to_contain_text("24001 entries", timeout=15_000)
    await page.get_by_role("searchbox").first.fill(ANA)
    await page.locator("#phone-list button").click()
    await expect(page.locator("#messages article").last).to_be_visible()
    assert await page.evaluate("document.querySelectorAll('*').length") < 3000
    await page.get_by_role("button", name="Earlier messages").click()
    assert await page.locator("#messages article").count() == 120
    for burst in range(3):
        flood(chattigo, 8000 + burst * 100, 100)
        await asyncio.sleep(0)
    assert await page.evaluate(FRAMES) < 1000
    await say(page, "sigo aquí")
    await expect(bubble(page, "sigo aquí")).to_be_visible()


async def test_it_comes_back_by_itself_and_goes_on_where_it_was(browser_page: Page, tmp_path: Path) -> None:
    page, ledger = browser_page, tmp_path / "own.ndjson"
    async with Chattigo(config(), ledger_path=ledger) as one:
        port = int(one.base_url.rsplit(":", 1)[1])
        await page.goto(one.base_url)
        await customer(page, CLOUD, ANA, "Ana")
        await say(page, "antes")
        await expect(bubble(page, "antes")).to_be_visible()
    await expect(page.get_by_role("status")).to_contain_text("away")
    async with Chattigo(config(), port=port, ledger_path=ledger):
        await expect(page.get_by_role("status")).to_have_text("live", timeout=15_000)
        await say(page, "después")
        await expect(bubble(page, "después")).to_be_visible()
        await expect(page.get_by_role("article")).to_have_count(2)
    await expect(page.get_by_role("status")).to_contain_text("away")
    async with Chattigo(config(), port=port, ledger_path=tmp_path / "other.ndjson"):
        await expect(page.get_by_role("status")).to_have_text("live", timeout=15_000)
        await expect(page.get_by_role("article")).to_have_count(0)
