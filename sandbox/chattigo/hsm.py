"""The HSM service: one template to 1 to 1000 recipients, accepted as a whole (Chattigo's facts, section 3), and the
list of templates (1.4).

Promises: a body that lacks what Chattigo requires is refused with 400; what can only be known per recipient (a number
that is none, a template that is missing) comes later as a receipt, unless a knob says that it is told at once (Q7). A
repeat of a batch is sent again (Q12), unless a knob says otherwise.
"""

import hashlib
from typing import Any, NamedTuple

import orjson

from sandbox.chattigo import errors, ledger, media, receipts, repeats
from sandbox.chattigo.answers import Invalid, Verdict, flat_error, ok
from sandbox.chattigo.batch import Batch, read
from sandbox.chattigo.bot import read_message
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.config import BASES
from sandbox.chattigo.isv import owns
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_number, person
from sandbox.chattigo.outcomes import FORMS, promise
from sandbox.chattigo.templates import Filled
from sandbox.chattigo.world import Sent, World

BASE = BASES["hsm"]


class Destination(NamedTuple):
    """A recipient of a batch: where he stands in it, his object, the template's category, and what he is known to meet
    (0: nothing)."""

    position: int
    one: Json
    category: str
    code: int


def send(world: World, call: Call) -> Verdict:
    """POST /message/inbound: the whole batch or nothing, unless a knob says otherwise (Q7)."""
    try:
        batch = read(call.body, world.knobs)
    except Invalid as wrong:
        return flat_error(wrong.reason, wrong.status)
    if not owns(world, call, "hsm"):
        if world.knobs.foreign_did == "lost":
            return _answer(world, [], [], reason="did of another account: answered 200, delivers nothing")
        return flat_error("the number is not yours", int(world.knobs.foreign_did), auth="foreign")
    if world.knobs.templates == "sync" and (code := world.templates.state(batch.template, batch.language)):
        return flat_error(errors.title(code))
    people = [_destination(world, batch, position, one) for position, one in enumerate(batch.destinations)]
    if world.knobs.hsm_partial == "sync_reject_all" and any(one.code for one in people):
        return _refused(people)
    once = list({person(one.one["destination"]): one for one in reversed(people)}.values())[::-1]
    if world.knobs.hsm_repeated == "reject" and len(once) < len(people):
        return flat_error("a number stands twice in destinations")
    return _take(world, call, batch, people, people if world.knobs.hsm_repeated == "twice" else once)


def _take(world: World, call: Call, batch: Batch, people: list[Destination], wanted: list[Destination]) -> Verdict:
    """Accept those who are wanted, not known as repeats, and not told as bad in the answer."""
    told = world.knobs.hsm_partial == "sync_partial"
    now_ms, within_s = world.now_ms(), world.knobs.dedupe_s
    going = [
        one
        for one in wanted
        if not (told and one.code) and not world.repeats.seen(_key(call, batch, one), now_ms, within_s)
    ]
    entries = tuple(_recipient(world, call, batch, one) for one in going)

    def then() -> None:
        for one, entry in zip(going, entries, strict=True):
            world.repeats.note(_key(call, batch, one), now_ms)
            promise(world, world.fated(_sent(world, call, batch, one, entry)))

    told_now = [one for one in people if told and one.code]
    return _answer(world, people, told_now, accepted=True, entries=entries, then=then, recipients=len(entries))


def _key(call: Call, batch: Batch, one: Destination) -> repeats.Key | None:
    return repeats.key(call.did, one.one.get("id") or batch.root_id, person(one.one["destination"]))


def _destination(world: World, batch: Batch, position: int, one: Json) -> Destination:
    filled = Filled(
        one.get("parameters") or batch.parameters,
        one.get("headerParameters") or [],
        len(one.get("buttonsParameters") or []),
    )
    category, code = world.templates.fate(batch.template, batch.language, filled)
    if world.knobs.templates == "never":
        code = 0
    to = one["destination"]
    bad = not is_number(to) or world.dice.chance(world.knobs.hsm_bad, "bad", person(to))
    return Destination(position, one, category, 131026 if bad else code)


def _answer(world: World, people: list[Destination], bad: list[Destination], **more: Any) -> Verdict:
    """200: with a result for each if the knob says so, and whenever some are left out and told (Q6, Q7)."""
    if world.knobs.hsm_answer == "results" or bad:
        results = _results(people, {one.position for one in bad})
        return ok({"success": not people or len(bad) < len(people), "results": results}, **more)
    return ok({"success": True} if world.knobs.hsm_answer == "success" else None, **more)


def _refused(people: list[Destination]) -> Verdict:
    bad = {one.position for one in people if one.code}
    body = {"success": False, "message": "destinations are wrong", "results": _results(people, bad)}
    return Verdict(400, orjson.dumps(body), reason=f"{len(bad)} destinations are wrong")


def _results(people: list[Destination], bad: set[int]) -> list[Json]:
    """What an answer says of each recipient: an assumption."""
    found = []
    for one in people:
        error = receipts.error(one.code) if one.position in bad else None
        errors: Json = {} if error is None else {"errors": [{"code": error["code"], "title": error["title"]}]}
        known: Json = {"id": one.one["id"]} if one.one.get("id") else {}
        found.append({**known, "destination": one.one["destination"], "success": error is None, **errors})
    return found


def _recipient(world: World, call: Call, batch: Batch, who: Destination) -> ledger.Recipient:
    one = who.one
    content = [batch.parameters, one.get("parameters"), one.get("headerParameters"), one.get("buttonsParameters")]
    return ledger.Recipient(
        call=call.number,
        account=call.username,
        did=call.did,
        destination=one["destination"],
        contact=person(one["destination"]),
        destination_id=one.get("id"),
        root_id=None if batch.root_id is None else str(batch.root_id),
        template=batch.template,
        language=batch.language,
        namespace=batch.namespace,
        bot_attention=batch.bot_attention,
        parameters=hashlib.blake2b(orjson.dumps(content), digest_size=12).hexdigest(),
        wamid=world.wamid(call.did, one["destination"]),
        position=who.position,
        filled=_filled(batch, one),
    )


def _filled(batch: Batch, one: Json) -> dict[str, list[Any]]:
    found = {
        "body": one.get("parameters") or batch.parameters,
        "header": one.get("headerParameters"),
        "buttons": one.get("buttonsParameters"),
    }
    return {name: values for name, values in found.items() if values}


def _sent(world: World, call: Call, batch: Batch, who: Destination, entry: ledger.Recipient) -> Sent:
    links = media.links_of(who.one.get("headerParameters") or [])
    code = call.doom or who.code or media.link_code(world, "", links, entry.wamid)
    client_id = who.one.get("id") if world.knobs.destination_ids and who.one.get("id") else batch.root_id
    forms = FORMS[world.knobs.receipts.hsm]
    return Sent(entry.did, entry.destination, entry.wamid, client_id, forms, who.category, None, code or None)


def message(world: World, call: Call) -> Verdict:
    """POST /message/inbound/message: one session text (1.4)."""
    return read_message(world, call, "hsm")


def templates(world: World, call: Call) -> Verdict:
    """GET /message/templates/client_id/{idClient}: the templates, for each line of the account (1.4)."""
    account = world.account("hsm", call.username)
    if account is None or call.path.split("/")[-1] != str(account.id_client):
        return flat_error("the client is not yours", 403, auth="foreign")
    groups = [{"channelDid": did, "templates": _listed(world, did)} for did in account.dids if did in world.lines]
    if world.knobs.template_list == "groups":
        return ok({"data": groups})
    return ok({"data": [one for group in groups for one in group["templates"]]})


def _listed(world: World, did: str) -> list[Json]:
    campaign = world.lines[did].id_campaign
    more = {"channelDid": did, "channelType": "WHATSAPP", "campaignId": campaign}
    names = ("name", "language", "category", "state")
    return [{**{name: getattr(one, name) for name in names}, **more} for one in world.templates]


ROUTES = (
    Route("hsm.send", "hsm", "POST", f"{BASE}/inbound", "hsm", send),
    Route("hsm.message", "hsm", "POST", f"{BASE}/inbound/message", "hsm", message),
    Route("hsm.templates", "hsm", "GET", f"{BASE}/templates/client_id/{{client}}", "hsm", templates),
)
