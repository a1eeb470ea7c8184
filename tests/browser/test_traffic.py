"""Thousands of entries leave the page quick, and a sandbox that goes away is waited for."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo.ledger import Event, Receipt, Recipient
from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CLOUD, config
from tests.builders.browser import Business
from tests.builders.browser_page import bubble, customer, say

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA, EVA = "56911111111", "56922222222"
WATCH = """() => {
  window.made = window.long = 0;
  new MutationObserver(all => { for (const one of all) window.made += one.addedNodes.length; })
    .observe(document.body, {childList: true, subtree: true});
  new PerformanceObserver(list => { window.long += list.getEntries().length; }).observe({type: "longtask"});
}"""


def flood(chattigo: Chattigo, first: int, count: int, every: int = 10) -> None:
    """People who write once, and a template with its receipt for each; of `every` such one is Ana's."""
    for number in range(first, first + count):
        who = ANA if number % every == 0 else f"569{number % 3000:08d}"
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


async def elements(page: Page) -> int:
    return int(await page.evaluate("document.querySelectorAll('*').length"))


async def test_thousands_of_entries_leave_it_quick_and_few_elements(page: Page, chattigo: Chattigo) -> None:
    flood(chattigo, 0, 1000)
    await expect(page.locator("#owed")).to_contain_text("3001 entries")
    await page.get_by_role("searchbox").first.fill(ANA)
    await page.locator("#phone-list button").click()
    await expect(page.locator("#messages article").last).to_be_visible()
    await page.get_by_role("searchbox").first.fill("")
    before = await elements(page)
    await page.evaluate(WATCH)
    for burst in range(10):
        flood(chattigo, 1000 + burst * 400, 400)
        await asyncio.sleep(0)
    await expect(page.locator("#owed")).to_contain_text("15001 entries")
    await expect(bubble(page, "mensaje 4990")).to_be_visible()
    assert await elements(page) < before * 1.2
    made, long = await page.evaluate("[window.made, window.long]")
    assert made < 12_000 * 2, f"{made} nodes were made for 12,000 entries"
    assert long <= 24 + 10, f"{long} long tasks for 24 events of the feed"
    await page.get_by_role("button", name="Earlier messages").click()
    assert await page.locator("#messages article").count() == 120
    await say(page, "sigo aquí")
    await expect(bubble(page, "sigo aquí")).to_be_visible()


async def test_who_stands_somewhere_stays_there_while_everything_moves(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await business.says(CLOUD, ANA, "text", {"body": "hola"})
    row = page.locator("#phone-list button").filter(has_text=ANA)
    call = page.locator("#calls tbody button").first
    await call.evaluate("button => { window.first = button; }")
    for who in (EVA, ANA):
        await business.says(CLOUD, who, "text", {"body": "hola"})
        await expect(page.locator("#phone-list button").first).to_contain_text(who)
    await row.focus()
    await business.says(CLOUD, EVA, "text", {"body": "hola"})
    await expect(page.locator("#phone-list button").first).to_contain_text(EVA)
    await expect(row).to_be_focused()
    flood(chattigo, 1, 300, every=1000)
    await expect(page.locator("#phone-list li")).to_have_count(61)
    await expect(row).to_be_focused()
    flood(chattigo, 301, 200)
    await expect(row).to_contain_text("aviso")
    await expect(row).to_be_focused()
    await row.press("Enter")
    await bubble(page, "hola").first.get_by_role("button", name="React to this message").focus()
    flood(chattigo, 601, 1000)
    await expect(bubble(page, "mensaje 1600")).to_be_visible()
    await expect(bubble(page, "hola").first.get_by_role("button", name="React")).to_be_focused()
    await page.evaluate("window.first.focus()")
    for _ in range(3):
        await business.says(CLOUD, ANA, "text", {"body": "más"})
    await expect(page.locator("#calls tbody tr")).to_have_count(8)
    assert await page.evaluate("document.activeElement === window.first")


async def test_it_comes_back_by_itself_and_goes_on_where_it_was(browser_page: Page, tmp_path: Path) -> None:
    page, ledger = browser_page, tmp_path / "own.ndjson"
    async with Chattigo(config(), ledger_path=ledger) as one:
        port = int(one.base_url.rsplit(":", 1)[1])
        await page.goto(one.base_url)
        await customer(page, CLOUD, ANA, "Ana")
        await say(page, "antes")
        await expect(bubble(page, "antes")).to_be_visible()
    await expect(page.locator("#link")).to_contain_text("away")
    async with Chattigo(config(), port=port, ledger_path=ledger):
        await expect(page.locator("#link")).to_have_text("live")
        await say(page, "después")
        await expect(bubble(page, "después")).to_be_visible()
        await expect(page.get_by_role("article")).to_have_count(2)
    await expect(page.locator("#link")).to_contain_text("away")
    async with Chattigo(config(), port=port, ledger_path=tmp_path / "other.ndjson"):
        await expect(page.locator("#link")).to_have_text("live")
        await expect(page.get_by_role("article")).to_have_count(0)
