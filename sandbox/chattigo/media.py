"""Files (Q17, Q33): those that customers sent, served under an address that is ours alone, and links of messages, which
nobody fetches: a table and the link's ending say what becomes of them.

Promises: a customer's file is the same bytes whenever it is asked for. Nobody documents how an ISV gets a file by its
id: both routes are inventions. A restart forgets the files.
"""

import hmac
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from sandbox.chattigo.answers import Verdict, graph_error
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.config import BASES
from sandbox.chattigo.messages import Json
from sandbox.chattigo.world import World

KINDS = ("image", "audio", "video", "document", "sticker")
UPLOAD_FAILED = 131053
_ENDINGS = {
    "image": ("jpg", "jpeg", "png"),
    "audio": ("aac", "amr", "mp3", "m4a", "mp4", "ogg", "opus"),
    "video": ("mp4", "3gp"),
    "document": ("txt", "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx"),
    "sticker": ("webp",),
}
_MAGIC = {"image/jpeg": b"\xff\xd8\xff\xe0", "image/webp": b"RIFF", "application/pdf": b"%PDF-1.4\n", "audio": b"OggS"}


def content(media_id: str, mime: str) -> bytes:
    """The file's bytes."""
    magic = _MAGIC.get(mime) or _MAGIC.get(mime.partition("/")[0], b"")
    return magic + f"a customer's file {media_id}\n".encode()


def signed(world: World, media_id: str) -> str:
    """The file's own address; who has it needs no token."""
    return f"{world.base_url}/media/{media_id}/{_signature(world, media_id)}"


def _signature(world: World, media_id: str) -> str:
    return world.dice.digest("media", media_id).hex()


def sent_by_customer(world: World, body: Json) -> Json:
    """A customer's message whose file can be had from now on, as the knob says."""
    payload = body.get(str(body["type"]))
    if body["type"] not in KINDS or not isinstance(payload, dict) or not isinstance(payload.get("id"), str):
        return body
    world.media[payload["id"]] = str(payload.get("mime_type", "application/octet-stream"))
    if world.knobs.media.download != "url":
        return body
    return {**body, str(body["type"]): {**payload, "url": signed(world, payload["id"])}}


def by_id(world: World, call: Call) -> Verdict:
    """GET {ISV}/media/{id}: with the token of sends."""
    return _file(world, call.path.split("/")[-1])


def by_signature(world: World, call: Call) -> Verdict:
    """GET /media/{id}/{signature}."""
    media_id, signature = call.path.split("/")[-2:]
    if not hmac.compare_digest(signature.encode(), _signature(world, media_id).encode()):
        return Verdict(403, reason="wrong signature")
    return _file(world, media_id)


def _file(world: World, media_id: str) -> Verdict:
    mime = world.media.get(media_id)
    if mime is None or world.knobs.media.download == "none":
        return graph_error("no such media", 100, 404)
    return Verdict(200, content(media_id, mime), headers={"Content-Type": mime})


def link_code(world: World, kind: str, links: Iterator[str] | list[str], word: str) -> int:
    """What a send with these links meets later, 0 for nothing."""
    knobs = world.knobs.media
    for link in links:
        for pattern, code in knobs.refused.items():
            if fnmatchcase(link, pattern):
                return code
        ending = urlsplit(link).path.rpartition(".")[2].lower()
        if knobs.kinds and kind in _ENDINGS and ending not in _ENDINGS[kind]:
            return UPLOAD_FAILED
        if world.dice.chance(knobs.failed, "link", word, link):
            return UPLOAD_FAILED
    return 0


def links_of(payload: Any) -> list[str]:
    """The link of a Cloud API media object, of a flat attachment, or of a list of header parameters."""
    if isinstance(payload, list):
        return [one for one in payload if isinstance(one, str) and one.startswith(("http://", "https://"))]
    found = (payload.get("link") or payload.get("mediaUrl")) if isinstance(payload, dict) else None
    return [found] if isinstance(found, str) else []


ROUTES = (
    Route("isv.media", "isv", "GET", f"{BASES['isv']}/media/{{media}}", "isv_send", by_id),
    Route("media.signed", "media", "GET", "/media/{media}/{signature}", None, by_signature),
)
