"""What Chattigo received can be read, and everything that a person turns on the page is turned in the sandbox."""

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo import ledger
from sandbox.chattigo.numbers import person
from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CLOUD, FLAT
from tests.builders.browser import Business

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA = "56911111111"


async def test_calls_and_webhooks_stand_in_tables_with_all_that_they_caused(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await business.batch(CLOUD, "order_update", {ANA: ["Ana", "A"], "56922222222": ["Eva", "B"]})
    row = page.locator("#calls tbody tr").filter(has_text="hsm.send")
    await expect(row).to_contain_text("2 people")
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
    knobs = page.locator("#knobs")
    await knobs.get_by_label("window").select_option("sync")
    await knobs.get_by_label("echo", exact=True).uncheck()
    await knobs.get_by_label("timeout_s", exact=True).fill("3.5")
    await knobs.get_by_label("retry_s", exact=True).fill("[1, 2]")
    await knobs.get_by_label("retry_s", exact=True).press("Tab")
    await expect(knobs.locator(".knob.turned").filter(has_text="window")).to_be_visible()
    await chattigo.ledger.until(lambda: len(chattigo.ledger.of(ledger.KnobChange)) == 4)
    turned = chattigo.world.knobs
    assert (turned.window, turned.echo) == ("sync", False)
    assert (turned.webhooks.timeout_s, turned.webhooks.retry_s) == (3.5, (1.0, 2.0))
    await knobs.get_by_label("failed_codes").fill('["x"]')
    await knobs.get_by_label("failed_codes").press("Tab")
    await expect(page.get_by_role("alert")).to_contain_text("failed_codes")
    await expect(knobs.get_by_label("failed_codes")).to_have_attribute("aria-invalid", "true")
    assert turned.receipts.failed_codes == (131026,)
    chattigo.turn(token_ttl_s=60.0)
    await expect(knobs.get_by_label("token_ttl_s")).to_have_value("60")


async def test_faults_are_armed_hit_and_disarmed_tokens_die_and_addresses_change(
    page: Page, chattigo: Chattigo, business: Business
) -> None:
    await page.get_by_role("tab", name="Faults").click()
    faults = page.locator("#faults")
    await faults.get_by_label("Calls of").fill("isv.send")
    await faults.get_by_label("Meet").select_option("500, and yet accepted")
    await faults.get_by_label("How often").fill("2")
    await faults.get_by_role("button", name="Arm", exact=True).click()
    await expect(faults.get_by_role("listitem")).to_contain_text("status: 500, accepted: true")
    fault = chattigo.world.faults.armed[0].fault
    assert (fault.route, fault.status, fault.accepted, fault.count) == ("isv.send", 500, True, 2)
    await business.fails(CLOUD, ANA, "hola", 500)
    await expect(faults.get_by_role("listitem")).to_contain_text("hit 1 of 2")
    await faults.get_by_role("button", name="Disarm all").click()
    await expect(faults.get_by_role("listitem")).to_have_text("none")
    await page.get_by_role("tab", name="Accounts").click()
    await page.get_by_role("button", name="Kill the tokens of isv acme@acme").click()
    await chattigo.ledger.until(lambda: bool(chattigo.ledger.of(ledger.Expired)))
    await business.fails(CLOUD, ANA, "hola", 401)
    await page.locator("#accounts").get_by_label(FLAT).fill("http://127.0.0.1:1/elsewhere")
    await page.locator("#accounts").get_by_label(FLAT).press("Enter")
    await chattigo.ledger.until(lambda: bool(chattigo.ledger.of(ledger.Registration)))
    assert chattigo.world.url(FLAT, "inbound") == "http://127.0.0.1:1/elsewhere"


async def test_the_page_names_a_person_as_the_sandbox_does(page: Page) -> None:
    numbers = ["541155550000", "5491155550000", "5215512345678", "525512345678", "551187654321", "5511987654321", ANA]
    assert await page.evaluate("(all) => all.map(person)", numbers) == [person(one) for one in numbers]
