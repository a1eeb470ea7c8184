"""A WhatsApp client library that is not ours (pywa) speaks to the sandbox with nothing changed but the base address."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pywa_async import types
from pywa_async.errors import InvalidParameter, ReEngagementMessage, WhatsAppError
from pywa_async.types.templates import BodyText, HeaderImage, QuickReplyButton, TemplateLanguage

from sandbox.chattigo import ledger, messages
from tests.builders.foreign import DID, PERSON, Business, business, until

LINK = "https://x.example/a"
CARD = types.Contact(
    name=types.Contact.Name(formatted_name="Ana Pérez", first_name="Ana"),
    phones=[types.Contact.Phone(phone="+56911111111", wa_id=PERSON, type="CELL")],
)
ROWS = types.SectionList(
    "Ver", [types.Section("Áreas", [types.SectionRow("v", "Ventas"), types.SectionRow("s", "Soporte")])]
)
BUTTONS = [types.Button("Sí", "1"), types.Button("No", "2")]
FILLED = [
    HeaderImage.params(image=f"{LINK}.jpg"),
    BodyText.params("Ana", "P-1"),
    QuickReplyButton.params(callback_data="SI", index=0),
]
SENDS: dict[str, Callable[[Any], Any]] = {
    "text": lambda wa: wa.send_message(PERSON, "hola https://x.example", preview_url=True),
    "image": lambda wa: wa.send_image(PERSON, f"{LINK}.jpg", caption="foto"),
    "video": lambda wa: wa.send_video(PERSON, f"{LINK}.mp4"),
    "audio": lambda wa: wa.send_audio(PERSON, f"{LINK}.ogg"),
    "document": lambda wa: wa.send_document(PERSON, f"{LINK}.pdf", filename="a.pdf", caption="factura"),
    "sticker": lambda wa: wa.send_sticker(PERSON, f"{LINK}.webp"),
    "location": lambda wa: wa.send_location(PERSON, -34.6, -58.3, "Obelisco", "Av. 9 de Julio"),
    "contacts": lambda wa: wa.send_contact(PERSON, CARD),
    "interactive button": lambda wa: wa.send_message(PERSON, "¿Sí?", "h", "f", BUTTONS),
    "interactive list": lambda wa: wa.send_message(PERSON, "¿Qué área?", buttons=ROWS),
    "template": lambda wa: wa.send_template(PERSON, "order_update", TemplateLanguage.SPANISH, FILLED),
}  # fmt: skip


@pytest.fixture
async def here() -> AsyncIterator[Business]:
    async with business() as made:
        yield made


@pytest.mark.parametrize("name", SENDS)
async def test_what_the_library_sends_is_taken_and_its_receipts_are_read(here: Business, name: str) -> None:
    await here.hears("hola")
    sent = await SENDS[name](here.wa)
    kind, _, form = name.partition(" ")
    (entry,) = here.chattigo.ledger.of(ledger.Message)
    assert (entry.wamid, entry.did, entry.contact, entry.kind) == (sent.id, DID, PERSON, kind)
    assert not form or entry.body["type"] == form
    await until(lambda: len(here.told) == 3)
    assert [one.status for one in here.told] == [
        types.MessageStatusType(state) for state in ("sent", "delivered", "read")
    ]
    assert {one.id for one in here.told} == {sent.id}
    assert all(one.from_user.wa_id == PERSON and one.from_user.name == "Ana" for one in here.told)
    assert all(one.pricing and one.pricing.billable == (kind == "template") for one in here.told)


async def test_a_quotation_and_a_reaction_name_what_they_are_about(here: Business) -> None:
    said = await here.hears("hola")
    await here.wa.send_message(PERSON, "¿sí?", reply_to_message_id=said.id)
    reaction = await here.wa.send_reaction(PERSON, "👍", said.id)
    quoted, reacted = here.chattigo.ledger.of(ledger.Message)
    assert quoted.context == said.id
    assert reacted.body == {"message_id": said.id, "emoji": "👍"}
    await here.chattigo.settled()
    await until(lambda: len(here.told) == 4)
    assert [one.status for one in here.told if one.id == reaction.id] == [types.MessageStatusType.SENT]


async def test_a_press_on_what_the_library_sent_comes_back_as_the_librarys_own_type(here: Business) -> None:
    await here.hears("hola")
    asked = await SENDS["interactive button"](here.wa)
    pressed = await here.hears(messages.button_reply("1", "Sí", answers=asked.id))
    assert isinstance(pressed, types.CallbackButton)
    assert (pressed.data, pressed.title, pressed.reply_to_message.id) == ("1", "Sí", asked.id)
    listed = await SENDS["interactive list"](here.wa)
    chosen = await here.hears(messages.list_reply("s", "Soporte", answers=listed.id))
    assert isinstance(chosen, types.CallbackSelection)
    assert (chosen.data, chosen.title, chosen.reply_to_message.id) == ("s", "Soporte", listed.id)
    told = await SENDS["template"](here.wa)
    quick = await here.hears(messages.button("SI", "Sí", answers=told.id))
    assert isinstance(quick, types.CallbackButton)
    assert (quick.data, quick.type) == ("SI", types.MessageType.BUTTON)


KINDS = {
    "ad": "text", "product": "text", "unreaction": "reaction", "unsupported_newer": "unsupported",
    "button_reply": "interactive", "list_reply": "interactive", "nfm_reply": "interactive", "number_change": "system",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(messages.SAMPLES) - {"unknown"}))
async def test_whatever_people_say_the_library_reads(here: Business, name: str) -> None:
    heard = await here.hears(messages.SAMPLES[name]("w"))
    assert heard.type == types.MessageType(KINDS.get(name, name))
    assert (heard.from_user.wa_id, heard.metadata.display_phone_number) == (PERSON, DID)


async def test_who_hides_the_number_is_answered_by_the_id() -> None:
    async with business(people={"hidden": 1}) as here:
        said = await here.hears("hola")
        assert said.from_user.wa_id is None
        sent = await here.wa.send_message(said.from_user.bsuid, "hola")
        await until(lambda: len(here.told) == 3)
        assert {(one.id, one.from_user.bsuid, one.from_user.wa_id) for one in here.told} == {
            (sent.id, said.from_user.bsuid, None)
        }


async def test_refusals_and_failures_are_the_librarys_own_errors() -> None:
    async with business(window="async") as here:
        await here.wa.send_message(PERSON, "hola")
        await until(lambda: bool(here.told))
        assert here.told[-1].status == types.MessageStatusType.FAILED
        assert isinstance(here.told[-1].error, ReEngagementMessage)
        with pytest.raises(WhatsAppError, match="same id"):
            await here.wa.send_message(PERSON, "¿?", buttons=[types.Button("Sí", "1"), types.Button("No", "1")])
        with pytest.raises(InvalidParameter, match="1 to 4096"):
            await here.wa.send_message(PERSON, "x" * 5000)
