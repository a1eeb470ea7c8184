"""A person plays a customer: what is typed, pressed, chosen and sent reaches the business, and its words look as on a
phone."""

import pytest
from playwright.async_api import Page, expect

from sandbox.chattigo.ledger import Human
from sandbox.chattigo.messages import SAMPLES
from sandbox.chattigo.server import Chattigo
from tests.browser.conftest import CHANNEL, CLOUD, FLAT
from tests.builders.browser import Business
from tests.builders.browser_page import bubble, customer, read, say

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANA, LUIS = "56911111111", "541155550000"
TITLES = ("Ventas", "Soporte")
BUTTONS = {
    "type": "button", "header": {"type": "text", "text": "Acme"}, "body": {"text": "¿Qué quieres hacer?"},
    "footer": {"text": "Elige una"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": str(n), "title": t}} for n, t in enumerate(TITLES)]},
}  # fmt: skip
ROWS = [
    {"id": "p1", "title": "Zapatos", "description": "Talla 42"},
    {"id": "p2", "title": "Botas", "description": "Talla 43"},
]
LIST = {
    "type": "list", "body": {"text": "Tus pedidos"},
    "action": {"button": "Ver pedidos", "sections": [{"title": "Hoy", "rows": ROWS}]},
}  # fmt: skip


async def test_a_customer_writes_presses_chooses_and_reacts(page: Page, business: Business, chattigo: Chattigo) -> None:
    await customer(page, CLOUD, ANA, "Ana")
    await say(page, "hola")
    assert (await business.hears())["text"] == {"body": "hola"}
    await expect(bubble(page, "hola").locator(".ticks")).to_have_text("✓✓")

    asked = await business.says(CLOUD, ANA, "interactive", BUTTONS)
    await expect(bubble(page, "¿Qué quieres hacer?")).to_contain_text("Acme")
    await expect(bubble(page, "¿Qué quieres hacer?")).to_contain_text("Elige una")
    await page.get_by_role("button", name="Soporte").click()
    pressed = await business.hears()
    assert (pressed["interactive"]["button_reply"], pressed["context"]) == (
        {"id": "1", "title": "Soporte"},
        {"from": CLOUD, "id": asked},
    )

    listed = await business.says(CLOUD, ANA, "interactive", LIST)
    await page.get_by_role("button", name="Ver pedidos").click()
    await page.get_by_role("dialog").get_by_label("Botas").check()
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    chosen = await business.hears()
    assert (chosen["interactive"]["list_reply"], chosen["context"]) == (ROWS[1], {"from": CLOUD, "id": listed})

    await bubble(page, "Tus pedidos").first.get_by_role("button", name="React").click()
    await page.get_by_role("button", name="👍").click()
    assert (await business.hears())["reaction"] == {"message_id": listed, "emoji": "👍"}
    await expect(bubble(page, "Tus pedidos").first.locator(".reactions")).to_have_text("👍")

    await business.batch(CLOUD, "order_update", {ANA: ["Ana", "A-17"]})
    await expect(bubble(page, "Hola Ana, tu pedido A-17 va en camino.")).to_contain_text("Pedido A-17")
    await page.get_by_role("button", name="Ver pedido", exact=True).click()
    assert (await business.hears())["button"] == {"payload": "ver", "text": "Ver pedido"}
    await chattigo.settled()
    await expect(bubble(page, "Hola Ana").first.locator(".ticks")).to_have_attribute("data-state", "read")


async def test_every_kind_is_shown_and_every_sample_can_be_sent(page: Page, business: Business) -> None:
    await customer(page, CLOUD, ANA, "Ana")
    await page.get_by_role("button", name="Send a sample").click()
    heard = set()
    for name in SAMPLES:
        await (
            page.get_by_role("group", name="Samples")
            .get_by_role("button", name=name.replace("_", " "), exact=True)
            .click()
        )
        heard.add((await business.hears())["type"])
    assert {"text", "image", "document", "location", "contacts", "order", "hologram", "unsupported"} <= heard
    media = {"link": "https://shop.example/catalogo.pdf", "filename": "catalogo.pdf", "caption": "El catálogo"}
    await business.says(CLOUD, ANA, "document", media)
    await expect(bubble(page, "El catálogo").get_by_role("link")).to_have_attribute("href", media["link"])
    await business.says(
        CLOUD, ANA, "location", {"latitude": -33.4, "longitude": -70.6, "name": "Tienda", "address": "Av. 1"}
    )
    await expect(bubble(page, "Tienda")).to_contain_text("Av. 1")
    person = {"name": {"formatted_name": "Marta Ruiz", "first_name": "Marta"}, "phones": [{"phone": "+569"}]}
    await business.says(CLOUD, ANA, "contacts", [person])
    await expect(bubble(page, "Marta Ruiz")).to_contain_text("+569")
    quoted = await business.says(CLOUD, ANA, "text", {"body": "¿Es esta?"})
    await business.says(CLOUD, ANA, "text", {"body": "Dime"}, context={"message_id": quoted})
    await expect(bubble(page, "Dime").locator("blockquote")).to_have_text("¿Es esta?")
    await business.says(CLOUD, ANA, "reaction", {"message_id": quoted, "emoji": "🙏"})
    await expect(bubble(page, "¿Es esta?").first.locator(".reactions")).to_have_text("🙏")


async def test_a_flat_line_a_human_agent_and_who_was_not_looked_at(page: Page, business: Business) -> None:
    await customer(page, FLAT, LUIS, "Luis")
    await say(page, "quiero hablar con alguien")
    assert (await business.hears())["content"] == "quiero hablar con alguien"
    menu = {
        "interactiveType": "list",
        "body": "Menú",
        "titleList": "Opciones",
        "choices": [{"id": "1", "text": "Pagar"}],
    }
    await business.bot(FLAT, LUIS, interactiveMsg=menu, content="Menú")
    await page.get_by_role("button", name="Opciones").click()
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    assert (await business.hears())["interactiveChoiceId"] == "1"
    await business.bot(FLAT, LUIS, "transfer")
    await expect(page.get_by_text("A human agent has the conversation")).to_be_visible()
    await expect(page.locator("#chat-owner")).to_have_text("human agent")
    await page.get_by_label("Write as").select_option("human")
    await say(page, "soy Marta")
    await expect(bubble(page, "soy Marta")).to_contain_text("human agent")
    await page.get_by_role("button", name="Give back to the bot").click()
    await expect(page.get_by_text("The bot has the conversation")).to_be_visible()
    await expect(page.get_by_role("button", name="Human takes over")).to_be_focused()
    await business.batch(CLOUD, "order_update", {ANA: ["Ana", "A-17"], "56922222222": ["Eva", "B-2"]})
    await expect(page.get_by_role("listitem").filter(has_text="Hola Eva").locator(".unread")).to_have_text("1")
    await expect(page).to_have_title("(2) Chattigo's sandbox")
    await page.get_by_role("button", name="Hola Eva").click()
    await expect(page).to_have_title("(1) Chattigo's sandbox")
    assert await read(page, "chat-title") == "56922222222"


async def test_what_a_business_asks_for_can_be_answered_whatever_it_is(page: Page, business: Business) -> None:
    await customer(page, CLOUD, ANA, "Ana")
    asked = {
        "flow": ("Reservar", {"parameters": {"flow_cta": "Reservar", "flow_token": "t1"}}),
        "location_request_message": ("Send location", {"name": "send_location"}),
        "product": ("Order", {"catalog_id": "c1", "product_retailer_id": "sku-7"}),
    }
    heard = {}
    for kind, (button, action) in asked.items():
        await business.says(CLOUD, ANA, "interactive", {"type": kind, "body": {"text": kind}, "action": action})
        await bubble(page, kind).get_by_role("button", name=button).click()
        if kind == "flow":
            await page.get_by_role("dialog").get_by_role("textbox").fill('{"dia": "lunes"}')
            await page.get_by_role("dialog").get_by_role("button", name="Send").click()
        heard[kind] = await business.hears()
    assert heard["flow"]["interactive"]["nfm_reply"]["response_json"] == '{"dia": "lunes"}'
    assert heard["location_request_message"]["location"]["name"] == "Plaza de Armas"
    assert heard["product"]["order"]["product_items"][0]["product_retailer_id"] == "sku-7"
    photo = {"type": "image", "image": {"link": "https://shop.example/botas.jpg"}}
    link = {"name": "cta_url", "parameters": {"display_text": "Ver", "url": "https://shop.example/"}}
    shop = {"type": "cta_url", "header": photo, "body": {"text": "Botas"}, "action": link}
    await business.says(CLOUD, ANA, "interactive", shop)
    await expect(bubble(page, "Botas").get_by_role("link", name="botas.jpg")).to_be_visible()
    await expect(bubble(page, "Botas").get_by_role("link", name="Ver")).to_have_attribute(
        "href", "https://shop.example/"
    )


async def test_a_channel_of_the_clients_own_is_answered_by_human_agents(
    page: Page, business: Business, chattigo: Chattigo
) -> None:
    await business.brings(CHANNEL, ANA, "hola desde la web")
    await page.get_by_role("button", name="hola desde la web").click()
    await expect(bubble(page, "hola desde la web")).to_be_visible()
    await expect(page.locator("#nowhere")).to_contain_text("no webhook yet")
    await page.get_by_role("button", name="Set an address").click()
    await expect(page.get_by_label(f"Address of {CHANNEL}")).to_be_focused()
    await page.keyboard.type(business.url)
    await page.keyboard.press("Enter")
    await expect(page.locator("#nowhere")).to_be_hidden()
    await say(page, "le habla Marta")
    await expect(bubble(page, "le habla Marta")).to_contain_text("human agent")
    (said,) = [one for one in chattigo.ledger.of(Human) if one.action == "say"]
    assert (said.did, said.text) == (CHANNEL, "le habla Marta")
    await page.get_by_role("button", name="New customer").click()
    options = await page.get_by_role("dialog").get_by_label("Line").locator("option").all_inner_texts()
    assert options == [f"{CLOUD} (cloud)", f"{FLAT} (flat)"]


async def test_what_fails_is_told_with_its_number_and_what_is_lost_with_a_word(
    page: Page, business: Business, chattigo: Chattigo
) -> None:
    chattigo.turn(receipts={"failed": 1, "failed_codes": [131049]})
    await customer(page, CLOUD, ANA, "Ana")
    business.status = 500
    await say(page, "¿me oyes?")
    await expect(bubble(page, "¿me oyes?").locator(".ticks")).to_have_attribute(
        "aria-label", "the webhook never acknowledged it"
    )
    await business.says(CLOUD, ANA, "text", {"body": "perdido"})
    ticks = bubble(page, "perdido").locator(".ticks")
    await expect(ticks).to_contain_text("131049")
    await expect(ticks).to_have_attribute(
        "aria-label", "failed, 131049: Message withheld to maintain healthy ecosystem engagement"
    )
    chattigo.turn(receipts={"failed": 0, "lost": 1})
    await business.says(CLOUD, ANA, "text", {"body": "leído"})
    await expect(bubble(page, "leído").locator(".ticks")).to_have_attribute(
        "aria-label", "read (never told to the business: sent, delivered, read)"
    )
