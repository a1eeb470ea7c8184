"""People who hide their number are named by an id, and the sandbox knows them by either."""

from pathlib import Path

import orjson

from tests.builders.knobs.rig import PERSON, rig
from tests.unit.sandbox.conftest import CLOUD, Isv


async def test_people_without_a_number_are_answered_by_their_id(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {"people": {"hidden": 1}, "window": "sync"}) as here:
        here.chattigo.say(CLOUD, PERSON, "hola")
        value = (await here.hear())[0]["entry"][0]["changes"][0]["value"]
        known = value["messages"][0]["from_user_id"]
        assert "from" not in value["messages"][0]
        status, answer = await here.text(known)
        assert (status, orjson.loads(answer)["contacts"][0]["user_id"]) == (200, known)
        assert (await here.text(PERSON))[0] == 200  # the same person, whose window is open by either
        statuses = [body["entry"][0]["changes"][0]["value"].get("statuses", [{}])[0] for body in await here.hear()]
        assert {one.get("recipient_user_id") for one in statuses if "id" in one} == {known, None}
    async with rig(tmp_path, isv, {"window": "sync"}) as again:
        assert (await again.text(PERSON))[0] == 200
