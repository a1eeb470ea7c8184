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

ARRIVALS = {
    "cloud": _cloud(
        {
            "contacts": [{"profile": {"name": "Sofía"}, "wa_id": "56922222222"}],
            "messages": [
                {
                    "from": "56922222222",
                    "id": "wamid.HBgLNTY5MjIyMjIyMjIVAgASGBQ=",
                    "timestamp": "1764150000",
                    "type": "text",
                    "text": {"body": "Hola, ¿está abierto?"},
                }
            ],
        }
    ),
    "flat": json.dumps(
        {
            "id": "1764150000123",
            "idChat": 40501,
            "did": "56911111111",
            "msisdn": "56922222222",
            "type": "text",
            "channel": "WHATSAPP",
            "content": "Quiero hablar con una persona",
            "name": "Sofía",
            "isAttachment": False,
            "chatType": "INBOUND",
        },
        ensure_ascii=False,
    ).encode(),
}

RECEIPTS = {
    "cloud": _cloud({"statuses": [_STATUS | {"status": "delivered", "pricing": _PRICE}]}),
    "cloud-failed": _cloud({"statuses": [_STATUS | _FAILED]}),
}
