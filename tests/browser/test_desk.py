"""What Chattigo received can be read, and everything that a person turns on the page is turned in the sandbox."""

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo import ledger
from sandbox.chattigo.config import BASES
from sandbox.chattigo.knobs import Knobs, declared
from sandbox.chattigo.numbers import person
from sandbox.chattigo.page.panel import EVIDENCE, QUESTIONS
from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CLOUD, FLAT
from tests.builders.browser import Business
from tests.builders.browser_page import knob

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA = "56911111111"


async def test_calls_and_webhooks_stand_in_tables_with_all_that_they_caused(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await business.batch(CLOUD, "order_update", {ANA: ["Ana", "A"], "56922222222": ["Eva", "B"]})
    row = page.locator("#calls tbody tr").filter(has_text="hsm.send")
    await expect(row).to_contain_text("2 messages")
    await row.get_by_role("button").click()
    await expect(page.get_by_role("dialog").locator("pre")).to_have_count(3)
    await expect(page.get_by_role("dialog")).to_contain_text('"destination": "56922222222"')
    await page.get_by_role("button", name="Close").click()
    await expect(row.get_by_role("button")).to_be_focused()
    await page.locator("#calls").get_by_label("only what went wrong").check()
    await expect(page.locator("#calls tbody tr")).to_have_count(0)
    await page.get_by_role("tab", name="Webhooks").click()
    await chattigo.settled()
    await page.locator("#posts").get_by_label("only what went wrong").check()
    business.status = 503
    chattigo.say(CLOUD, ANA, "hola")
    await expect(page.locator("#posts tbody tr")).to_have_count(1)
    await expect(page.locator("#posts tbody tr")).to_contain_text("given up")


async def test_knobs_are_turned_and_what_is_refused_is_said(page: Page, chattigo: Chattigo) -> None:
    page.expected_noise = "400"  # type: ignore[attr-defined]
    await page.get_by_role("tab", name="Knobs").click()
    await (await knob(page, "window")).get_by_label("window", exact=True).select_option("sync")
    await (await knob(page, "echo")).get_by_role("checkbox").uncheck()
    await (await knob(page, "webhooks.timeout_s")).get_by_role("spinbutton").fill("3.5")
    await page.keyboard.press("Tab")
    await (await knob(page, "webhooks.batch")).get_by_label("webhooks.batch to").fill("7")
    await page.keyboard.press("Tab")
    await (await knob(page, "webhooks.retry_s")).get_by_role("textbox").fill("1, 2")
    await page.keyboard.press("Tab")
    await (await knob(page, "media.refused")).get_by_role("textbox").fill('{"https://gone.example/*": 131052}')
    await page.keyboard.press("Tab")
    await chattigo.ledger.until(lambda: len(chattigo.ledger.of(ledger.KnobChange)) == 6)
    turned = chattigo.world.knobs
    assert (turned.window, turned.echo, turned.webhooks.batch) == ("sync", False, (1, 7))
    assert (turned.webhooks.timeout_s, turned.webhooks.retry_s) == (3.5, (1.0, 2.0))
    assert turned.media.refused == {"https://gone.example/*": 131052}
    codes = await knob(page, "receipts.failed_codes")
    for wrong, said in (("131026, x", "cannot be read"), ("1.5", "failed_codes")):
        await codes.get_by_role("textbox").fill(wrong)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("alert")).to_contain_text(said)
        await expect(codes.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    assert turned.receipts.failed_codes == (131026,)
    chattigo.turn(token_ttl_s=60.0)
    await expect((await knob(page, "token_ttl_s")).get_by_role("spinbutton")).to_have_value("60")


async def test_every_knob_is_there_with_its_question_and_what_is_known_of_it(page: Page) -> None:
    await page.get_by_role("tab", name="Knobs").click()
    rows = "[...document.querySelectorAll('#knobs .knob')].map(row => [row.querySelector('label').textContent, "
    rows += "row.closest('details').querySelector('summary').textContent, row.querySelector('p').textContent])"
    shown = {name: (question, words) for name, question, words in await page.evaluate(rows)}
    assert sorted(shown) == sorted(one.name for one in declared(Knobs()))
    for one in declared(Knobs()):
        question, words = shown[one.name]
        assert QUESTIONS[one.about.question] in question
        assert EVIDENCE[one.about.evidence] in words
        assert one.about.text.replace("`", "") in words
    await page.locator("#knobs").get_by_label("Show").select_option("assumed")
    assumed = sum(one.about.assumed for one in declared(Knobs()))
    await expect(page.locator("#knobs .knob:visible")).to_have_count(assumed)
    await page.locator("#knobs").get_by_label("Find").fill("misbehave reorder")
    await expect(page.get_by_text("No knob is like that.")).to_be_visible()
    await page.locator("#knobs").get_by_label("Find").fill("misbehave")
    await expect(page.locator("#knobs .knob:visible")).to_have_count(11)


async def test_faults_of_every_kind_are_armed_hit_and_disarmed(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await page.get_by_role("tab", name="Faults").click()
    faults = page.locator("#faults")
    await faults.get_by_label("Route").fill("isv.send")
    await faults.get_by_label("Status").fill("500")
    await faults.get_by_label("Retry-After").fill("2")
    await faults.get_by_label("accepted all the same").check()
    await faults.get_by_label("How often").fill("2")
    await faults.get_by_role("button", name="Arm", exact=True).click()
    await expect(faults.get_by_role("listitem")).to_contain_text("status: 500")
    fault = chattigo.world.faults.armed[0].fault
    assert (fault.route, fault.status, fault.accepted, fault.count) == ("isv.send", 500, True, 2)
    assert fault.headers == {"Retry-After": "2"}
    await business.fails(CLOUD, ANA, "hola", 500)
    await expect(faults.get_by_role("listitem")).to_contain_text("hit 1 of 2")
    await expect(page.get_by_role("tab", name="Faults (1)")).to_be_visible()
    effects = {
        "a reset after it is accepted": "reset",
        "half a body": "truncate",
        "a body that comes slowly": "trickle_s",
    }
    for number, (words, name) in enumerate(effects.items(), 2):
        option = await faults.get_by_label("What").locator("option", has_text=words).get_attribute("value")
        await faults.get_by_label("What").select_option(option)
        await faults.get_by_role("button", name="Arm", exact=True).click()
        await expect(faults.get_by_role("listitem")).to_have_count(number)
        fault = chattigo.world.faults.armed[-1].fault
        assert (getattr(fault, name) not in (None, False, 0), fault.status) == (True, None)
    await faults.get_by_role("button", name="Disarm all").click()
    await expect(faults.get_by_role("listitem")).to_have_text(["none"])


async def test_tokens_die_addresses_change_and_a_template_is_paused(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await page.get_by_role("tab", name="Services").click()
    services = page.locator("#services")
    for base in BASES.values():
        await expect(services).to_contain_text(chattigo.base_url + base)
    await page.get_by_role("button", name="Kill the tokens of isv acme@acme").click()
    await chattigo.ledger.until(lambda: bool(chattigo.ledger.of(ledger.Expired)))
    await services.get_by_label(f"Which webhook of {CLOUD}").select_option("notifications")
    for did in (CLOUD, FLAT):
        await services.get_by_label(f"Address of {did}", exact=True).fill("http://127.0.0.1:1/elsewhere")
        await services.get_by_label(f"Address of {did}", exact=True).press("Enter")
    await chattigo.ledger.until(lambda: len(chattigo.ledger.of(ledger.Registration)) == 2)
    assert chattigo.world.url(FLAT, "inbound") == "http://127.0.0.1:1/elsewhere"
    assert chattigo.world.urls[CLOUD, "notifications"] == "http://127.0.0.1:1/elsewhere"
    await services.get_by_label("State of order_update es").select_option("paused")
    await chattigo.ledger.until(lambda: bool(chattigo.ledger.of(ledger.TemplateChange)))
    assert chattigo.world.templates.state("order_update", "es") == 132015


async def test_the_page_names_a_person_as_the_sandbox_does(page: Page) -> None:
    numbers = ["541155550000", "5491155550000", "5215512345678", "525512345678", "551187654321", "5511987654321", ANA]
    assert await page.evaluate("(all) => all.map(person)", numbers) == [person(one) for one in numbers]
