"""A profile is switched on the page, and the knobs show what it set, and what a person turned since."""

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo.server import Chattigo
from tests.builders.browser_page import knob

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_a_profile_set_and_what_was_turned_since_are_told_apart(page: Page, chattigo: Chattigo) -> None:
    await expect(page.get_by_label("Profile")).to_have_value("")
    await page.get_by_label("Profile").select_option("harsh")
    await chattigo.ledger.until(lambda: chattigo.world.profile == "harsh")
    await page.get_by_role("tab", name="Knobs").click()
    single = await knob(page, "single_session")
    await expect(single.get_by_role("checkbox")).to_be_checked()
    await expect(single).to_contain_text("by profile or file")
    await expect(page.locator("#differs")).to_be_hidden()
    await single.get_by_role("checkbox").uncheck()
    await (await knob(page, "token_ttl_s")).get_by_role("spinbutton").fill("900")
    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="2 knobs turned").click()
    await expect(page.locator("#knobs .knob:visible")).to_have_count(2)
    await page.get_by_role("button", name="back to true").click()
    await expect(page.locator("#differs")).to_have_text("1 knob turned")
    await expect(page.locator("#knobs").get_by_label("single_session")).to_be_focused()
    assert (chattigo.world.knobs.single_session, chattigo.world.knobs.token_ttl_s) == (True, 900)
    await page.get_by_role("button", name="Turn all back").click()
    await expect(page.get_by_text("No knob is like that.")).to_be_visible()
    await expect(page.locator("#knobs").get_by_label("Find")).to_be_focused()
    assert (chattigo.world.knobs.token_ttl_s, chattigo.world.profile) == (120, "harsh")
    await page.get_by_label("Profile").select_option("defaults")
    await chattigo.ledger.until(lambda: chattigo.world.profile == "defaults")
    assert chattigo.world.knobs.token_ttl_s == 28800
