"""The API Bot: flat session messages and the controls of a chat (Chattigo's facts, sections 4.2 and 5)."""

from typing import Any

from sandbox.chattigo import errors, flat, humans, ledger, media, repeats
from sandbox.chattigo.answers import Invalid, Verdict, flat_error, ok, too_fast
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.config import BASES
from sandbox.chattigo.delivery import Item
from sandbox.chattigo.isv import owns
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_number, person
from sandbox.chattigo.outcomes import FORMS, promise
from sandbox.chattigo.world import Sent, World

CONTROLS = ("transfer", "group", "close", "timeout")
KINDS = ("text", "image", "audio", "video", "document", "location", "media", "sticker")


def outbound(world: World, call: Call) -> Verdict:
    """POST /api-bot/outbound."""
    kind = call.body.get("type") if isinstance(call.body, dict) else None
    if isinstance(kind, str) and kind.lower() in CONTROLS:
        return _control(world, call, kind.lower())
    return read_message(world, call, "bot")


def read_message(world: World, call: Call, service: str) -> Verdict:
    """A session message in the flat form, accepted or refused."""
    try:
        body = _check(call.body, world.knobs.flat_content_max)
    except Invalid as wrong:
        return flat_error(wrong.reason)
    if not owns(world, call, service):
        return _foreign(world)
    if world.knobs.window == "sync" and not world.window_open(call.did, body["msisdn"]):
        return flat_error(errors.title(131047))
    known = repeats.key(call.did, body.get("id"), person(body["msisdn"]))
    if world.repeats.seen(known, world.now_ms(), world.knobs.dedupe_s):
        return ok({"success": True}, accepted=True, reason="a repeat: answered, not sent")
    wamid = world.wamid(call.did, body["msisdn"])
    sent = world.fated(_sent(world, call, body, wamid))
    if sent.code is not None and not call.doom and world.refuses(sent):
        return too_fast(world.knobs.limits, sent.code, graph=False)

    def then() -> None:
        world.repeats.note(known, world.now_ms())
        promise(world, sent)
        _echo(world, call.did, sent.to, body)

    entry = _message(call, service, body, wamid)
    return ok({"success": True}, accepted=True, entries=(entry,), then=then, recipients=1)


def _message(call: Call, service: str, body: Json, wamid: str) -> ledger.Message:
    return ledger.Message(
        call=call.number,
        service=service,
        account=call.username,
        did=call.did,
        to=body["msisdn"],
        contact=person(body["msisdn"]),
        kind=str(body["type"]).lower(),
        body=body,
        wamid=wamid,
        client_id=None if body.get("id") is None else str(body["id"]),
    )


def _sent(world: World, call: Call, body: Json, wamid: str) -> Sent:
    to, code = body["msisdn"], 0
    if world.knobs.window == "async" and not world.window_open(call.did, to):
        code = 131047
    elif body.get("isAttachment") in (True, "true"):
        code = media.link_code(world, str(body["type"]).lower(), media.links_of(body["attachment"]), wamid)
    forms = FORMS[world.knobs.receipts.bot]
    return Sent(call.did, to, wamid, body.get("id"), forms, code=call.doom or code or None)


def _foreign(world: World) -> Verdict:
    if world.knobs.foreign_did == "lost":
        return ok(reason="did of another account: answered 200, delivers nothing")
    return flat_error("the number is not yours", int(world.knobs.foreign_did), auth="foreign")


def _check(body: Any, content_max: int) -> Json:
    checked = _head(body)
    if str(checked["type"]).lower() not in KINDS:
        raise Invalid(f"type {checked['type']!r} is unknown")
    content = checked.get("content", "")
    if not isinstance(content, str) or len(content) > content_max:
        raise Invalid(f"content must be a text of at most {content_max} characters")
    if checked.get("isAttachment") in (True, "true"):
        attachment = checked.get("attachment")
        if not isinstance(attachment, dict) or not isinstance(attachment.get("mediaUrl"), str):
            raise Invalid("attachment.mediaUrl is mandatory")
    elif not content and "interactiveMsg" not in checked:
        raise Invalid("content is empty")
    if "interactiveMsg" in checked:
        _check_interactive(checked["interactiveMsg"])
    return checked


def _check_interactive(message: Any) -> None:
    if not isinstance(message, dict) or message.get("interactiveType") not in ("list", "cta_url"):
        raise Invalid("interactiveMsg.interactiveType must be list or cta_url")
    choices = message.get("choices", [])
    if not isinstance(choices, list) or len(choices) > 10:
        raise Invalid("interactiveMsg.choices: at most 10")


def _head(body: Any) -> Json:
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    if not isinstance(body.get("type"), str):
        raise Invalid("type is mandatory")
    if not isinstance(body.get("did"), str):
        raise Invalid("did is mandatory")
    if not is_number(body.get("msisdn")):
        raise Invalid("msisdn must be a number of digits")
    return body


def _control(world: World, call: Call, kind: str) -> Verdict:
    try:
        body = _head(call.body)
    except Invalid as wrong:
        return flat_error(wrong.reason)
    if not owns(world, call, "bot"):
        return _foreign(world)
    campaign = body.get("idCampaign")
    if kind == "group" and (campaign is None or not body.get("content")):
        return flat_error("group needs idCampaign and content")
    entry = ledger.Control(
        call=call.number,
        account=call.username,
        did=call.did,
        msisdn=body["msisdn"],
        contact=person(body["msisdn"]),
        kind=kind,
        id_campaign=None if campaign is None else str(campaign),
        content=str(body.get("content") or ""),
        body=body,
    )
    return ok({"success": True}, accepted=True, entries=(entry,), then=lambda: _apply(world, call.did, body, kind))


def _apply(world: World, did: str, body: Json, kind: str) -> None:
    if kind in ("transfer", "group"):
        humans.called(world, did, body["msisdn"])
    else:
        world.close_chat(did, body["msisdn"])


def _echo(world: World, did: str, to: str, body: Json) -> None:
    if world.knobs.echo and world.lines[did].kind == "flat":
        number = world.flat_id()
        payload = flat.echo(world.chat(did, to), number, str(body.get("content") or ""))
        world.owe([Item("event", did, person(to), str(number), payload)], origin="echo")


ROUTES = (Route("bot.send", "bot", "POST", f"{BASES['bot']}/outbound", "bot", outbound),)
