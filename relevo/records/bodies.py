"""Bodies as Chattigo posts them: they stand in Kafka as they came, so what reads them must go on reading them."""

from __future__ import annotations

import json
from typing import Any


def _cloud(value: dict[str, Any]) -> bytes:
    told = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "56911111111", "phone_number_id": "1"},
    }
    change = {"field": "messages", "value": told | value}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}
    return json.dumps(body, ensure_ascii=False).encode()


_STATUS = {"id": "wamid.HBgLNTY5MjIyMjIyMjI=", "timestamp": "1764150000", "recipient_id": "56922222222"}
_PRICE = {"billable": True, "pricing_model": "CBP", "category": "marketing"}
_FAILED = {"status": "failed", "errors": [{"code": 131049, "title": "not delivered to keep the ecosystem healthy"}]}

_PERSON = {"contacts": [{"profile": {"name": "Sofía"}, "wa_id": "56922222222"}]}
_FROM = {"from": "56922222222", "timestamp": "1764150000"}
_CHOSEN = {"type": "button_reply", "button_reply": {"id": "pedidos", "title": "Mis pedidos"}}
_IMAGE = {"id": "77", "mime_type": "image/jpeg", "sha256": "q" * 44, "caption": "así quedó"}
_FLAT = {"did": "56911111111", "msisdn": "56922222222", "channel": "WHATSAPP", "timestamp": 1764150000}


def _said(wamid: str, **content: Any) -> bytes:
    return _cloud(_PERSON | {"messages": [_FROM | {"id": wamid} | content]})


def _flat(**more: Any) -> bytes:
    return json.dumps(_FLAT | more, ensure_ascii=False).encode()


_CHAT: dict[str, Any] = {"idChat": 40501, "channelId": 77, "name": "Sofía", "isAttachment": False}

ARRIVALS = {
    "cloud-text": _said("wamid.1", type="text", text={"body": "Hola, ¿está abierto?"}),
    "cloud-choice": _said("wamid.2", type="interactive", interactive=_CHOSEN, context={"id": "wamid.0"}),
    "cloud-image": _said("wamid.3", type="image", image=_IMAGE),
    "cloud-unknown": _said("wamid.4", type="hologram", hologram={"id": 1}),
    "flat-text": _flat(id=1764150000123, type="Text", content="Una persona, por favor", chatType="INBOUND", **_CHAT),
    "flat-transfer": _flat(
        id=1764150000124, type="transfer", content="", chatType="INBOUND", stateAgent="BOT", **_CHAT
    ),
    "flat-echo": _flat(id=1764150000125, type="Text", content="Ya te ayudo", chatType="OUTBOUND", **_CHAT),
}

RECEIPTS = {
    "cloud-delivered": _cloud({"statuses": [_STATUS | {"status": "delivered", "pricing": _PRICE}]}),
    "cloud-failed": _cloud({"statuses": [_STATUS | _FAILED]}),
    "flat-delivered": _flat(id="mabc", type="DELIVERY"),
    "flat-invalid": _flat(id="mabc", type="INVALID", errors=[{"code": 131026, "title": "not on WhatsApp"}]),
    "flat-session": _flat(id="mabc", type="SESSION"),
}
