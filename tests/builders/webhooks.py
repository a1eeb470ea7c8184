"""Webhook bodies for tests: small, explicit, one function a shape."""

from __future__ import annotations

from typing import Any

LINE = "56911111111"
PERSON = "56922222222"


def cloud_value(
    *,
    did: str = LINE,
    messages: list[dict[str, Any]] | None = None,
    statuses: list[dict[str, Any]] | None = None,
    contacts: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A change's value in the Cloud API form; contacts default to one for each sender."""
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": did, "phone_number_id": "1"},
    }
    if messages is not None:
        value["messages"] = messages
        senders = dict.fromkeys(m["from"] for m in messages if "from" in m)
        value["contacts"] = (
            contacts
            if contacts is not None
            else [{"profile": {"name": f"N{sender}"}, "wa_id": sender} for sender in senders]
        )
    if statuses is not None:
        value["statuses"] = statuses
    return value


def cloud(*values: dict[str, Any]) -> dict[str, Any]:
    """The envelope, one change a value, all in one entry."""
    changes = [{"field": "messages", "value": value} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "WABA", "changes": changes}]}


def cloud_text(
    body: str = "hola", *, wamid: str = "wamid.1", sender: str = PERSON, at_s: int = 1_700_000_000
) -> dict[str, Any]:
    """A text message's object."""
    return {"from": sender, "id": wamid, "timestamp": str(at_s), "type": "text", "text": {"body": body}}


def cloud_status(status: str = "delivered", *, wamid: str = "wamid.1", to: str = PERSON) -> dict[str, Any]:
    """A status' object."""
    return {"id": wamid, "status": status, "timestamp": "1700000001", "recipient_id": to}


def flat(kind: str = "Text", content: str = "hola", **fields: Any) -> dict[str, Any]:
    """A flat event."""
    base = {
        "id": 123456789,
        "idChat": 87654321,
        "chatType": "INBOUND",
        "did": LINE,
        "msisdn": PERSON,
        "idUser": 0,
        "type": kind,
        "channel": "WHATSAPP",
        "channelId": 77,
        "channelProvider": "APICLOUDBSP",
        "content": content,
        "name": "Ana",
        "idCampaign": "9",
        "isAttachment": False,
        "attachment": None,
        "stateAgent": "BOT",
    }
    return base | fields
