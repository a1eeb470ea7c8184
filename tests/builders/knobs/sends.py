"""Probes of the knobs of batches, session messages, templates and files."""

from typing import Any

import orjson

from sandbox.chattigo import ledger
from tests.builders.knobs.rig import ARGENTINE, PERSON, Rig, turns
from tests.unit.sandbox.conftest import CLOUD

SECOND = "56922222222"
NOBODY = "nobody"


async def _accepted(rig: Rig, *people: Any, **changes: Any) -> tuple[int, int]:
    """The status of a batch, and how many recipients it took."""
    status, _ = await rig.batched(*people, **changes)
    return status, len(rig.found(ledger.Recipient))


@turns("hsm_answer", "results")
async def _(rig: Rig) -> Any:
    return await rig.batched()


@turns("hsm_partial", "sync_partial")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON, NOBODY)


@turns("hsm_bad", 1)
async def _(rig: Rig) -> Any:
    await rig.batched()
    return await rig.codes()


@turns("hsm_over", "truncate")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, *(f"569{number:08d}" for number in range(1001)))


@turns("hsm_none", "accept")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, hsm_destinations=[])


@turns("hsm_repeated", "once")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON, PERSON)


@turns("hsm_form", "root")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON)


@turns("hsm_required", ["hsm.namespace"])
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON)


@turns("hsm_type_alias", True)
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON, type="template")


@turns("hsm_unknown", "502")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON, hsm_mood="sunny")


@turns("hsm_id", "int31")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON, id=2**31)


@turns("destination_ids", False)
async def _(rig: Rig) -> Any:
    await rig.batched({"destination": PERSON, "id": "mine"})
    return [body["id"] for body in await rig.hear()]


@turns("dedupe_s", 60)
async def _(rig: Rig) -> Any:
    await rig.batched({"destination": PERSON, "id": "mine"})
    return await _accepted(rig, {"destination": PERSON, "id": "mine"})


@turns("window", "sync")
async def _(rig: Rig) -> Any:
    return [(await rig.text())[0], await rig.said()]


@turns("templates", "sync")
async def _(rig: Rig) -> Any:
    return await _accepted(rig, PERSON, hsm_template="no_such")


@turns("template_list", "groups")
async def _(rig: Rig) -> Any:
    path = "/message/templates/client_id/1001"
    status, body = await rig.call("GET", path, None, f"Bearer {await rig.token('hsm')}")
    return status, orjson.loads(body)


@turns("opaque", "echo")
async def _(rig: Rig) -> Any:
    text = {"messaging_product": "whatsapp", "to": PERSON, "type": "text", "text": {"body": "hola"}}
    await rig.send(text | {"biz_opaque_callback_data": "mine"})
    bodies = await rig.hear()
    return ["mine" in str(body) for body in bodies]


@turns("number_forms", False)
async def _(rig: Rig) -> Any:
    _, body = await rig.text("541122334455")
    return orjson.loads(body)["contacts"]


@turns("flat_content_max", 3)
async def _(rig: Rig) -> Any:
    return await rig.said("hola")


@turns("echo", False)
async def _(rig: Rig) -> Any:
    await rig.said()
    await rig.hear()
    return len(rig.found(ledger.Event))


@turns("media.download", "none")
async def _(rig: Rig) -> Any:
    rig.chattigo.say(CLOUD, ARGENTINE, {"type": "image", "image": {"id": "photo", "mime_type": "image/jpeg"}})
    return await rig.call("GET", "/bsp-cloud-chattigo-isv/media/photo", None, await rig.token("isv"))


@turns("media.refused", {"*/gone.png": 131052})
async def _(rig: Rig) -> Any:
    return await rig.image("https://x.example/gone.png"), await rig.codes()


@turns("media.failed", 1)
async def _(rig: Rig) -> Any:
    return await rig.image("https://x.example/a.png"), await rig.codes()


@turns("media.kinds", True)
async def _(rig: Rig) -> Any:
    return await rig.image("https://x.example/a.gif"), await rig.codes()
