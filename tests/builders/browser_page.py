"""What a person does on the sandbox's page, in words of the page."""

from playwright.async_api import Locator, Page


async def customer(page: Page, did: str, number: str, name: str) -> None:
    """Make a customer and look at the conversation."""
    await page.get_by_role("button", name="New customer").click()
    box = page.get_by_role("dialog")
    await box.get_by_label("Line").select_option(did)
    await box.get_by_label("Number").fill(number)
    await box.get_by_label("Name").fill(name)
    await box.get_by_role("button", name="Make").click()


async def say(page: Page, text: str) -> None:
    """Write and send."""
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_label("Message", exact=True).press("Enter")


def bubble(page: Page, text: str) -> Locator:
    """The messages that say so."""
    return page.get_by_role("article").filter(has_text=text)


async def read(page: Page, place: str) -> str:
    """The text of an element."""
    return await page.locator(f"#{place}").inner_text()
