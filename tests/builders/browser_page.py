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


async def knob(page: Page, name: str) -> Locator:
    """A knob's row, found by its name, with its group open."""
    await page.locator("#knobs").get_by_label("Find").fill(name)
    return page.locator("#knobs .knob").filter(has=page.locator(f'[for="knob-{name}"]'))


async def unfold(page: Page) -> None:
    """All panes, panels and groups of knobs at once, in a state that nobody sees: for who judges every element."""
    await page.evaluate("""() => {
        for (const one of document.querySelectorAll("[role=tabpanel], main > section, #nowhere, #as-field, #samples")) {
            one.hidden = false;
            one.style.setProperty("display", "block", "important");
        }
        for (const one of document.querySelectorAll("details")) one.open = true;
    }""")
