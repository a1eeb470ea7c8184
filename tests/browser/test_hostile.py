"""What customers and agents write is shown as it is, and never becomes anything else."""

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CLOUD, FLAT
from tests.builders.browser import Business
from tests.builders.browser_page import bubble

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA = "56911111111"
EVIL = """<img src=x onerror="window.hit=1"><script>window.hit=2</script>"><svg onload=window.hit=3>'"`{{1}}${7*7}"""
SCRIPT = "javascript:window.hit=4"


async def test_hostile_words_stay_words_wherever_they_stand(page: Page, chattigo: Chattigo, business: Business) -> None:
    for did in (CLOUD, FLAT):
        chattigo.say(did, ANA, EVIL, name=EVIL[:120])
    odd = [
        {"type": EVIL, EVIL: {"depth": [EVIL]}},
        {"type": "image", "image": {"id": EVIL, "url": SCRIPT, "mime_type": 3}},
    ]
    odd += [{"type": "contacts", "contacts": [None, 7, {"name": EVIL}]}, {"type": "location", "location": [EVIL]}]
    odd += [{"type": "interactive", "interactive": {"type": EVIL, "action": 3}}, {"type": "text", "text": None}]
    odd += [{"type": "reaction", "reaction": {"message_id": "__proto__", "emoji": EVIL}}, {"type": "__proto__"}]
    for message in odd:
        chattigo.say(CLOUD, ANA, message)
    evil = {"type": "reply", "reply": {"id": EVIL[:20], "title": EVIL[:20]}}
    buttons = {"type": "button", "body": {"text": EVIL}, "footer": {"text": EVIL[:50]}, "action": {"buttons": [evil]}}
    await business.says(CLOUD, ANA, "interactive", buttons)
    await business.batch(CLOUD, "order_update", {ANA: [EVIL, EVIL]})
    await business.bot(FLAT, ANA, "text", content=EVIL)
    attachment = {"mediaUrl": SCRIPT, "mimeType": EVIL, "fileName": EVIL}
    await business.bot(FLAT, ANA, "document", isAttachment=True, attachment=attachment)
    chattigo.turn(receipts={"lost": 0})
    for did in (CLOUD, FLAT):
        await page.locator("#line-filter").select_option(did)
        await page.locator("#phone-list button").click()
        await expect(bubble(page, EVIL).first).to_be_visible()
    await page.locator("#calls button.plain").first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    assert await page.evaluate("window.hit") is None
    assert await page.locator("main img, main svg, main script, main iframe, a[href^=javascript]").count() == 0


async def test_the_browser_itself_refuses_markup_out_of_text_and_foreign_code(page: Page) -> None:
    page.expected_noise = "error: "  # type: ignore[attr-defined]
    tries = {
        "document.body.innerHTML = '<b>x</b>'": "TypeError",
        "document.body.setAttribute('onclick', 'window.hit = 1')": "TypeError",
        "fetch('https://elsewhere.example/')": "TypeError",
    }
    for script, error in tries.items():
        code = f"async () => {{ try {{ await ({script}); return 'done'; }} catch (e) {{ return e.name; }} }}"
        assert await page.evaluate(code) == error, script
