"""Whoever cannot see it, has no mouse, a small screen or a dark room can use the page. With `SCREENSHOTS` in the
environment its pictures are kept in that folder."""

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CLOUD, NARROW, WIDE
from tests.builders.browser import Business
from tests.builders.browser_page import bubble, customer, say

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA = "56911111111"
PICTURES = os.environ.get("SCREENSHOTS")
ASKED = {
    "type": "button", "body": {"text": "¿Qué quieres hacer?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Ventas"}}]},
}  # fmt: skip


async def wrong(page: Page) -> list[Any]:
    """What axe finds, with where."""
    found = await Axe().run(page)
    return [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found.response["violations"]]


async def picture(page: Page, name: str) -> None:
    """Taken in every run; kept where somebody asks for it."""
    folder = {"path": str(Path(PICTURES) / f"{name}.png")} if PICTURES else {}
    assert len(await page.screenshot(**folder)) > 10_000


async def play(page: Page, chattigo: Chattigo, business: Business) -> None:
    """A conversation with a bit of everything."""
    chattigo.say(CLOUD, "56922222222", sample="image", name="Luis")
    await customer(page, CLOUD, ANA, "Ana")
    await say(page, "Hola, ¿dónde está mi pedido?")
    await business.says(CLOUD, ANA, "interactive", ASKED)
    await page.get_by_role("button", name="Ventas").click()
    await business.says(CLOUD, ANA, "document", {"link": "https://shop.example/c.pdf", "filename": "catalogo.pdf"})
    chattigo.say(CLOUD, ANA, sample="location", name="Ana")
    await business.batch(CLOUD, "order_update", {ANA: ["Ana", "A-17"], "56933333333": ["Eva", "B-2"]})
    chattigo.turn(receipts={"failed": 1})
    await business.says(CLOUD, ANA, "text", {"body": "Esto no llegó"})
    await expect(bubble(page, "Esto no llegó").locator(".ticks")).to_contain_text("131026")


async def test_axe_finds_nothing_in_light_and_dark_wide_and_narrow(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await play(page, chattigo, business)
    await picture(page, "sandbox-page")
    assert await wrong(page) == []
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    for tab in ("Knobs", "Faults", "Accounts", "Webhooks"):
        await page.get_by_role("tab", name=tab).click()
        assert await wrong(page) == [], tab
    await picture(page, "sandbox-page-dark")
    await page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    for pane in ("Customers", "Chattigo", "Conversation"):
        await page.get_by_role("button", name=pane, exact=True).click()
        assert await wrong(page) == [], pane
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), pane
    await picture(page, "sandbox-page-narrow")
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


async def test_everything_is_reached_with_the_keyboard_alone(page: Page, business: Business) -> None:
    await page.locator("#new-customer").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type(ANA)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    await page.keyboard.type("hola")
    await page.keyboard.press("Enter")
    assert (await business.hears())["text"] == {"body": "hola"}
    await business.says(CLOUD, ANA, "interactive", ASKED)
    await expect(page.get_by_role("button", name="Ventas")).to_be_visible()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Ventas")).to_be_focused()
    await page.keyboard.press("Enter")
    assert (await business.hears())["interactive"]["button_reply"]["title"] == "Ventas"
    await page.get_by_role("tab", name="Received").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("tab", name="Accounts")).to_be_focused()
    await expect(page.get_by_role("tabpanel", name="Accounts")).to_be_visible()
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
