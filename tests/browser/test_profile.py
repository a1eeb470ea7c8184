"""A profile is switched on the page, and the knobs show what it turned."""

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo.server import Chattigo

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_profile_is_switched_and_the_knobs_follow(page: Page, chattigo: Chattigo) -> None:
    await expect(page.get_by_label("Profile")).to_be_visible()
    await page.get_by_label("Profile").select_option("harsh")
    await chattigo.ledger.until(lambda: chattigo.world.profile == "harsh")
    await page.get_by_role("tab", name="Knobs").click()
    await expect(page.locator("#knobs").get_by_label("single_session")).to_be_checked(
        checked=chattigo.world.knobs.single_session
    )
