"""An example of every row of Chattigo's facts, 2.2 and 2.3: the message or event as the provider would write it."""

from __future__ import annotations

from typing import Any

from tests.builders.webhooks import PERSON, flat

Json = dict[str, Any]

_FILE = {"id": "media-7", "mime_type": "x/y", "sha256": "s-h-a", "url": "https://lookaside.example/7"}
_CARD = {
    "name": {"formatted_name": "Luz Soto", "first_name": "Luz", "last_name": "Soto"},
    "phones": [{"phone": "+56 9 4444 4444", "wa_id": "56944444444", "type": "CELL"}],
    "emails": [{"email": "luz@example.com"}],
    "addresses": [{"city": "Lima"}],
    "org": {"company": "Acme"},
    "urls": [{"url": "https://luz.example"}],
    "birthday": "1990-01-02",
}
_ITEM = {"product_retailer_id": "sku-1", "quantity": 2, "item_price": 9.5, "currency": "CLP"}
_ERROR = {"code": 131051, "title": "Unsupported", "message": "no puede", "error_data": {"details": "una encuesta"}}

# By the `type` of the row: what stands beside `from`, `id`, `timestamp` and `type`.
CLOUD: dict[str, list[Json]] = {
    "text": [{"text": {"body": "hola"}}],
    "image": [{"image": {**_FILE, "caption": "una foto"}}],
    "video": [{"video": {**_FILE, "caption": "un video"}}],
    "audio": [{"audio": {**_FILE, "voice": True}}],
    "document": [{"document": {**_FILE, "filename": "boleta.pdf", "caption": "mi boleta"}}],
    "sticker": [{"sticker": {**_FILE, "animated": True}}],
    "location": [
        {
            "location": {
                "latitude": -33.45,
                "longitude": -70.66,
                "name": "Casa",
                "address": "Calle 1",
                "url": "https://map.example",
            }
        }
    ],
    "contacts": [{"contacts": [_CARD, {"name": {"formatted_name": "Otro"}}]}],
    "interactive": [
        {"interactive": {"type": "button_reply", "button_reply": {"id": "b-1", "title": "Sí"}}},
        {"interactive": {"type": "list_reply", "list_reply": {"id": "r-1", "title": "Pan", "description": "fresco"}}},
        {
            "interactive": {
                "type": "nfm_reply",
                "nfm_reply": {"response_json": '{"a": 1}', "body": "Sent", "name": "flow"},
            }
        },
    ],
    "button": [{"button": {"payload": "SI", "text": "Sí, claro"}}],
    "reaction": [{"reaction": {"message_id": "wamid.otro", "emoji": "👍"}}, {"reaction": {"message_id": "wamid.otro"}}],
    "order": [{"order": {"catalog_id": "cat-1", "text": "para hoy", "product_items": [_ITEM]}}],
    "system": [{"system": {"body": "Ana cambió", "wa_id": "56955555555", "type": "user_changed_number"}}],
    "request_welcome": [{}],
    "unsupported": [{"errors": [_ERROR], "unsupported": {"type": "poll_creation"}}],
}

CONTEXT: Json = {
    "from": "56911111111",
    "id": "wamid.citado",
    "forwarded": True,
    "frequently_forwarded": True,
    "referred_product": {"catalog_id": "cat-2", "product_retailer_id": "sku-2"},
}
REFERRAL: Json = {
    "source_url": "https://fb.example/ad",
    "source_id": "ad-1",
    "source_type": "ad",
    "headline": "Oferta",
    "body": "Pan a mitad",
    "media_type": "image",
    "image_url": "https://fb.example/i",
    "video_url": "https://fb.example/v",
    "thumbnail_url": "https://fb.example/t",
    "ctwa_clid": "clid-1",
    "welcome_message": {"text": "¡Bienvenida!"},
}
# What any message may carry besides its own payload.
COMMON: list[Json] = [
    {"text": {"body": "¿y este?"}, "context": CONTEXT, "referral": REFERRAL, "errors": [_ERROR]},
    {"text": {"body": "¿y este?"}, "referral": REFERRAL | {"source_type": "post"}},
]


def message(kind: str, fields: Json) -> Json:
    """A message object of the Cloud API."""
    return {"from": PERSON, "id": f"wamid.{kind}", "timestamp": "1700000000", "type": kind, **fields}


_ATTACHMENT = {"mediaUrl": "https://files.example/1", "mimeType": "image/png", "fileName": "foto.png"}

# By the field of the row: events that show it, in each form that the page knows.
FLAT: dict[str, list[Json]] = {
    "id": [flat(id=987654321), flat(id="abc-1")],
    "idChat": [flat(idChat=876543210)],
    "chatType": [flat(chatType="INBOUND"), flat(chatType="OUTBOUND")],
    "did": [flat()],
    "msisdn": [flat()],
    "idUser": [flat(idUser=41)],
    "type": [flat(kind) for kind in ("Text", "Image", "Audio", "Video", "Document", "Location")]
    + [flat("media", attachment=_ATTACHMENT)]
    + [flat(kind) for kind in ("transfer", "close", "timeout")],
    "channel": [flat(channel="WHATSAPP")],
    "channelId": [flat(channelId=4711)],
    "channelProvider": [flat(channelProvider="WAVY"), flat(channelProvider="APICLOUDBSP")],
    "content": [flat(content="buenas tardes"), flat("Image", "", attachment=_ATTACHMENT)],
    "name": [flat(name="Ana María")],
    "idCampaign": [flat(idCampaign="2201"), flat(idCampaign=2201)],
    "isAttachment": [
        flat("Image", isAttachment=given, attachment=_ATTACHMENT) for given in (True, "true", "TRUE", "false")
    ],
    "attachment": [flat(attachment=None), flat("Document", "el pdf", isAttachment=True, attachment=_ATTACHMENT)],
    "stateAgent": [flat(stateAgent="BOT"), flat(stateAgent="AGENT")],
    "abiStatus": [flat(abiStatus="done")],
    "message": [flat(message="nota")],
    "interactiveChoiceId": [flat(interactiveChoiceId="row-9", interactiveChoiceText="Pan integral")],
    "interactiveChoiceText": [flat(interactiveChoiceId="row-9", interactiveChoiceText="Pan integral")],
}
