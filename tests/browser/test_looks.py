"""Whoever cannot see it, has no mouse, a small screen or a dark room can use the page. With `SCREENSHOTS` in the
environment its pictures are kept in that folder."""

import os
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CLOUD, FLAT, NARROW, WIDE
from tests.builders.browser import Business
from tests.builders.browser_page import bubble, customer, say, unfold

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA, LUIS = "56911111111", "541155550000"
PICTURES = os.environ.get("SCREENSHOTS")
TITLES = ("Ventas", "Soporte")
ASKED = {
    "type": "button", "header": {"type": "text", "text": "Acme"}, "body": {"text": "¿Qué quieres hacer?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": title, "title": title}} for title in TITLES]},
}  # fmt: skip
LIST = {
    "type": "list", "body": {"text": "Estos son tus pedidos"},
    "action": {"button": "Ver pedidos", "sections": [{"title": "Hoy", "rows": [{"id": "p1", "title": "Zapatos"}]}]},
}  # fmt: skip


async def wrong(page: Page) -> list[Any]:
    """What axe finds, with where."""
    found = await Axe().run(page)
    return [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found.response["violations"]]


async def picture(page: Page, name: str) -> None:
    """Taken in every run; kept where somebody asks for it."""
    folder = {"path": str(Path(PICTURES) / f"{name}.png")} if PICTURES else {}
    assert 10_000 < len(await page.screenshot(**folder)) < 260_000


async def play(page: Page, chattigo: Chattigo, business: Business) -> None:
    """Customers, and a conversation with a bit of everything."""
    chattigo.say(CLOUD, "56922222222", sample="image", name="Luis Soto")
    chattigo.say(FLAT, LUIS, "quiero hablar con alguien", name="Martín")
    await business.bot(FLAT, LUIS, "transfer")
    await customer(page, CLOUD, ANA, "Ana Pérez")
    await say(page, "Hola, ¿dónde está mi pedido?")
    await business.says(CLOUD, ANA, "interactive", ASKED)
    await page.get_by_role("button", name="Ventas").click()
    await business.says(CLOUD, ANA, "interactive", LIST)
    chattigo.say(CLOUD, ANA, sample="audio", name="Ana Pérez")
    chattigo.say(CLOUD, ANA, sample="location", name="Ana Pérez")
    photo = {"link": "https://shop.example/zapatos.jpg", "caption": "¿Son estos?"}
    shown = await business.says(CLOUD, ANA, "image", photo)
    chattigo.say(CLOUD, ANA, {"type": "reaction", "reaction": {"message_id": shown, "emoji": "👍"}}, name="Ana Pérez")
    await business.says(CLOUD, ANA, "document", {"link": "https://shop.example/c.pdf", "filename": "catalogo.pdf"})
    await business.batch(CLOUD, "order_update", {ANA: ["Ana", "A-17"], "56933333333": ["Eva", "B-2"]})
    await chattigo.settled()
    chattigo.turn(receipts={"failed": 1})
    await business.says(CLOUD, ANA, "text", {"body": "Esto no llegó"}, context={"message_id": shown})
    await expect(bubble(page, "Esto no llegó").locator(".ticks")).to_contain_text("131026")


async def look(page: Page, size: tuple[int, int], scheme: Literal["light", "dark"]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


async def test_axe_finds_nothing_and_nothing_is_cut_off_in_light_and_dark_wide_and_narrow(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await play(page, chattigo, business)
    await picture(page, "sandbox-page")
    await look(page, WIDE, "dark")
    await page.get_by_role("tab", name="Knobs").click()
    await page.locator("#knobs").get_by_label("Find").fill("misbehave")
    await picture(page, "sandbox-page-dark")
    assert await wrong(page) == []
    await look(page, NARROW, "dark")
    for pane in ("Customers", "Chattigo", "Conversation"):
        await page.get_by_role("button", name=pane, exact=True).click()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), pane
    await picture(page, "sandbox-page-narrow")
    await page.get_by_role("button", name="Ver pedidos").click()
    assert await wrong(page) == []
    await page.keyboard.press("Escape")
    await page.locator("#knobs").get_by_label("Find").evaluate("field => { field.value = 'webhooks.'; }")
    await unfold(page)
    for size, scheme in ((NARROW, "light"), (WIDE, "dark"), (WIDE, "light")):
        await look(page, size, scheme)
        assert await wrong(page) == [], (size, scheme)


async def test_everything_is_reached_with_the_keyboard_alone(page: Page, business: Business) -> None:
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the message field")).to_be_focused()
    await page.locator(".new-customer").first.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type(ANA)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    await page.keyboard.type("hola")
    await page.keyboard.press("Enter")
    assert (await business.hears())["text"] == {"body": "hola"}
    await business.says(CLOUD, ANA, "interactive", ASKED)
    await expect(page.get_by_role("button", name="Soporte")).to_be_visible()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Soporte")).to_be_focused()
    await page.keyboard.press("Enter")
    assert (await business.hears())["interactive"]["button_reply"]["title"] == "Soporte"
    await page.get_by_role("button", name="Send a sample").press("Enter")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="React to").press("Enter")
    await page.keyboard.press("Enter")
    assert (await business.hears())["reaction"]["emoji"] == "👍"
    await expect(page.get_by_role("button", name="React to")).to_be_focused()
    await page.get_by_role("button", name="Human takes over").press("Enter")
    await expect(page.get_by_role("button", name="Give back to the bot")).to_be_focused()
    await page.get_by_role("tab", name="Received").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("tab", name="Services")).to_be_focused()
    await expect(page.get_by_role("tabpanel", name="Services")).to_be_visible()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert await page.evaluate(outline) == "solid"


async def test_who_listens_hears_what_the_business_says_and_not_all_that_moves(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await business.says(CLOUD, ANA, "text", {"body": "de antes"})
    await customer(page, CLOUD, ANA, "Ana")
    await expect(bubble(page, "de antes")).to_be_visible()
    await page.evaluate("""() => {
        window.told = [];
        const all = {childList: true, characterData: true, subtree: true};
        for (const live of document.querySelectorAll("[role=status], [role=alert], [aria-live=polite]"))
            new MutationObserver(() => window.told.push(live.textContent)).observe(live, all);
    }""")
    await page.clock.install()
    await page.clock.pause_at(time.time() + 60)

    async def answers(number: int, wait_ms: int) -> list[str]:
        """What was told once the business has said one more thing, and so long later."""
        await business.says(CLOUD, ANA, "text", {"body": f"respuesta {number}"})
        await chattigo.settled()
        await expect(page.locator("#owed")).to_have_text(f"{len(chattigo.ledger.entries)} entries, 0 owed")
        await page.clock.run_for(wait_ms)
        return [str(one) for one in await page.evaluate("window.told")]

    assert await answers(1, 100) == ["Business: respuesta 1"]
    for number in range(2, 5):
        assert len(await answers(number, 100)) == 1, "told faster than anybody can listen"
    assert (await answers(5, 2000))[1:] == ["4 new messages, the last one: Business: respuesta 5"]
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")
