"""Webhook Chattigo: a client brings its own channel, and Chattigo's agents answer (Chattigo's facts, 1.6).

Promises: the answer is success whatever was sent, as documented ("the service is asynchronous"); what is wrong is lost,
and the ledger's `brought` line says why. Leaves to `humans`: what agents answer, which is POSTed to the line's address.
"""

from typing import Any

from sandbox.chattigo import humans, ledger
from sandbox.chattigo.answers import Verdict, ok
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.config import BASES
from sandbox.chattigo.isv import owns
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_number, person
from sandbox.chattigo.world import World

CHANNELS = ("WHATSAPP", "FACEBOOK", "WEBCHAT", "MESSENGER")


def inbound(world: World, call: Call) -> Verdict:
    """POST /inbound: always 200."""
    body: Json = call.body if isinstance(call.body, dict) else {}
    wrong = _wrong(world, call, body)
    entry = ledger.Brought(
        call=call.number,
        account=call.username,
        did=call.did,
        msisdn=str(body.get("msisdn", "")),
        contact=person(str(body.get("msisdn", ""))),
        kind=str(body.get("type", "")),
        channel=str(body.get("channel", "")),
        content=str(body.get("content") or ""),
        taken=not wrong,
        reason=wrong,
    )

    def then() -> None:
        if not wrong and (call.did, entry.contact) not in world.human:
            humans.called(world, call.did, entry.msisdn)

    answer = {"success": True} if world.knobs.channel_answer == "success" else None
    return ok(answer, accepted=not wrong, reason=wrong, entries=(entry,), then=then)


def _wrong(world: World, call: Call, body: Json) -> str:
    """Why it is lost, or nothing."""
    if not owns(world, call, "channel") or world.lines[call.did].kind != "channel":
        return "no such channel of this account"
    if not is_number(body.get("msisdn")):
        return "msisdn must be a text of digits"
    if not isinstance(body.get("type"), str) or not (body.get("content") or body.get("attachment")):
        return "type and content or attachment are mandatory"
    return _strictly(body) if world.knobs.channel_strict else ""


def _strictly(body: Json) -> str:
    if body.get("id") is not None:
        return "id must be null on the way in"
    if body["type"] not in ("media", "text") or body.get("channel") not in CHANNELS:
        return "type must be media or text, channel one of " + ", ".join(CHANNELS)
    if body.get("isAttachment", "false") not in ("true", "false"):
        return "isAttachment must be the text true or false"
    attached = body.get("isAttachment") == "true" or body["type"] == "media"
    return _attachment(body) if attached else ""


def _attachment(body: Json) -> str:
    attachment: Any = body.get("attachment")
    fine = isinstance(attachment, dict) and all(
        isinstance(attachment.get(one), str) for one in ("mediaUrl", "mimeType")
    )
    return "" if fine else "attachment needs mediaUrl and mimeType"


ROUTES = (Route("channel.inbound", "channel", "POST", f"{BASES['channel']}/inbound", "channel", inbound),)
