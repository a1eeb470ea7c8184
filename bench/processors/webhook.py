"""A webhook as a program would read it that knows only the shapes it is sent: no checks, no forms of numbers."""

from __future__ import annotations

from typing import Any, NamedTuple


class Message(NamedTuple):
    """What is taken from a body that holds one message."""

    id: str
    did: str
    contact: str
    at_s: int
    name: str
    kind: str
    content: Any
    id_chat: str = ""


def read(body: dict[str, Any]) -> Message:
    """The message of a Cloud API body or of a flat one."""
    if "entry" not in body:
        return Message(
            str(body["id"]),
            body["did"],
            body["msisdn"],
            body["timestamp"],
            body["name"],
            body["type"],
            body["content"],
            str(body["idChat"]),
        )
    value = body["entry"][0]["changes"][0]["value"]
    message = value["messages"][0]
    kind = message["type"]
    return Message(
        message["id"],
        value["metadata"]["display_phone_number"],
        message["from"],
        int(message["timestamp"]),
        value["contacts"][0]["profile"]["name"],
        kind,
        message[kind],
    )
