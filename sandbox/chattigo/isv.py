"""The ISV service: registrations, the legacy flat inbound, and sends of Cloud API objects (Chattigo's facts, 1.2,
1.3, 4.1).
"""

from typing import Any

from sandbox.chattigo import ledger, media
from sandbox.chattigo.answers import Invalid, Verdict, by_number, flat_error, graph_error, ok, told, too_fast
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.cloud_body import check
from sandbox.chattigo.config import BASES
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_user_id, person, wa_id
from sandbox.chattigo.outcomes import promise
from sandbox.chattigo.templates import of_cloud
from sandbox.chattigo.world import Sent, World

BASE = BASES["isv"]
FIELDS = {"inbound": "externalWebhook", "outbound": "externalWebhookIsvBot"}


def owns(world: World, call: Call, service: str) -> bool:
    """Whether the caller's account may use the call's did."""
    account = world.account(service, call.username)
    return account is not None and call.did in account.dids


def send(world: World, call: Call) -> Verdict:
    """POST /v15.0/{did}/messages: one message to one person."""
    return told(_send(world, call), world.knobs.send_error)


def _send(world: World, call: Call) -> Verdict:
    lost = False
    if not owns(world, call, "isv"):
        if world.knobs.foreign_did != "lost":
            status = int(world.knobs.foreign_did)
            return graph_error("the number is not yours", 10, status, auth="foreign")
        lost = True
    try:
        kind = check(call.body)
    except Invalid as wrong:
        return graph_error(wrong.reason, wrong.code, wrong.status)
    body: Json = call.body
    to = str(body.get("to") or body["recipient"])
    refused = _at_once(world, call, to, kind, body)
    if refused is not None:
        return refused
    wamid = world.wamid(call.did, to)
    if lost:
        return _answer(world, to, wamid, reason="did of another account: answered 200, delivers nothing")
    sent = world.fated(_sent(world, call, to, wamid, kind, body))
    if sent.code is not None and not call.doom and world.refuses(sent):
        return too_fast(world.knobs.limits, sent.code, graph=True)
    entry = _message(call, to, wamid, kind, body)
    return _answer(
        world, to, wamid, accepted=True, entries=(entry,), recipients=1, then=lambda: promise(world, sent)
    )  # fmt: skip


def _at_once(world: World, call: Call, to: str, kind: str, body: Json) -> Verdict | None:
    """The error that is told in the answer, if the knobs say so: of a closed window, of a template (Q13), by chance."""
    if world.knobs.window == "sync" and kind != "template" and not world.window_open(call.did, to):
        return by_number(131047)
    if world.knobs.templates == "sync" and kind == "template":
        _, code = _template(world, body["template"])
        return by_number(code) if code else None
    words = world.chances.words("isv.send", call.digest)
    if world.dice.chance(world.knobs.send_refused, "refused", *words):
        return by_number(world.dice.pick(world.knobs.send_refused_codes, "refused by", *words))
    return None


def _message(call: Call, to: str, wamid: str, kind: str, body: Json) -> ledger.Message:
    return ledger.Message(
        call=call.number,
        service="isv",
        account=call.username,
        did=call.did,
        to=to,
        contact=person(to),
        kind=kind,
        body=body[kind],
        wamid=wamid,
        context=body.get("context", {}).get("message_id"),
        opaque=_opaque(body),
    )


def _sent(world: World, call: Call, to: str, wamid: str, kind: str, body: Json) -> Sent:
    category, code = "service", 0
    if kind == "template":
        category, code = _template(world, body["template"])
        code = 0 if world.knobs.templates == "never" else code
        code = code or media.link_code(world, "", media.links_of(list(of_cloud(body["template"]).header)), wamid)
    elif world.knobs.window == "async" and not world.window_open(call.did, to):
        code = 131047
    elif kind in media.KINDS:
        code = media.link_code(world, kind, media.links_of(body[kind]), wamid)
    code = call.doom or code
    return Sent(
        call.did, to, wamid, None, ("cloud",), category, _opaque(body), code or None, untold=kind == "reaction"
    )  # fmt: skip


def _template(world: World, template: Json) -> tuple[str, int]:
    return world.templates.fate(template["name"], template["language"]["code"], of_cloud(template))


def _opaque(body: Json) -> str | None:
    value = body.get("biz_opaque_callback_data")
    return None if value is None else str(value)


def _answer(world: World, to: str, wamid: str, **more: Any) -> Verdict:
    if world.knobs.send_answer == "no_content":
        return Verdict(204, **more)
    if world.knobs.send_answer == "empty":
        return ok(**more)
    known = {"user_id": to} if is_user_id(to) else {"wa_id": wa_id(to, world.knobs.number_forms)}
    contact = {"input": to, **known}
    return ok({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": wamid}]}, **more)


def register(kind: str) -> Any:
    """PATCH /webhooks/{kind}: one address per number, the last writer wins."""

    def handle(world: World, call: Call) -> Verdict:
        body = call.body if isinstance(call.body, dict) else {}
        did, url = body.get("waId"), body.get(FIELDS[kind])
        if not isinstance(did, str) or not isinstance(url, str):
            return flat_error(f"waId and {FIELDS[kind]} are mandatory strings")
        if not url.startswith("https://") and not (world.knobs.allow_http and url.startswith("http://")):
            return flat_error(f"{FIELDS[kind]} must be an HTTPS address")
        if not owns(world, call, "isv"):
            return _unknown(world, did)
        if world.knobs.registration_taken == "refuse" and world.urls.get((did, kind)) not in (None, url):
            return flat_error(f"waId {did} has a webhook")
        entry = ledger.Registration(call=call.number, did=did, kind=kind, url=url)
        echo = {"waId": did, FIELDS[kind]: url} if world.knobs.registration_answer == "echo" else None
        return ok(echo, accepted=True, entries=(entry,), then=lambda: _hold(world, did, kind, url))

    return handle


def _hold(world: World, did: str, kind: str, url: str) -> None:
    """The address holds, at once or after a while (Q21)."""
    if world.knobs.registration_s:
        world.later(world.knobs.registration_s, lambda: world.register(did, kind, url))
    else:
        world.register(did, kind, url)


def _unknown(world: World, did: str) -> Verdict:
    if world.knobs.unknown_wa_id == 200:
        return ok(reason="unknown waId: answered 200, registers nothing", auth="foreign")
    return flat_error(f"waId {did} is not known", world.knobs.unknown_wa_id, auth="foreign")


def inbound(world: World, call: Call) -> Verdict:
    """POST /webhooks/inbound with a flat body: an empty 200 that delivers nothing; some fields make it fail (1.3)."""
    if not isinstance(call.body, dict):
        return flat_error("the body must be a JSON object")
    knob = world.knobs.inbound_unknown
    for field in ("channelProvider", "stateAgent"):
        if field in call.body and knob != "ignore":
            return Verdict(int(knob), reason=f"field {field}")
    return ok(reason="flat inbound: answered 200, delivers nothing")


ROUTES = (
    Route("isv.register.inbound", "isv", "PATCH", f"{BASE}/webhooks/inbound", "isv_register", register("inbound")),
    Route("isv.register.outbound", "isv", "PATCH", f"{BASE}/webhooks/outbound", "isv_register", register("outbound")),
    Route("isv.inbound", "isv", "POST", f"{BASE}/webhooks/inbound", "isv_inbound", inbound),
    Route("isv.send", "isv", "POST", BASE + "/v15.0/{did}/messages", "isv_send", send),
)
