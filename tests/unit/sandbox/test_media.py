"""Customers' files and the links of messages."""

from pathlib import Path
from typing import Any

import pytest

from tests.builders.knobs.rig import PERSON, Rig, rig
from tests.unit.sandbox.conftest import CLOUD, FLAT, Isv

PHOTO = {"type": "image", "image": {"id": "photo", "mime_type": "image/jpeg", "sha256": "x"}}


async def fetched(here: Rig, url: str) -> tuple[int, str, bytes]:
    async with here.session.get(url) as answer:
        return answer.status, answer.content_type, await answer.read()


async def test_a_file_is_the_same_by_its_id_and_by_its_address(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {"media": {"download": "url"}}) as here:
        here.chattigo.say(CLOUD, PERSON, PHOTO)
        here.chattigo.say(FLAT, PERSON, PHOTO)
        bodies = await here.hear()
        image = next(one for one in bodies if "entry" in one)["entry"][0]["changes"][0]["value"]["messages"][0]["image"]
        attachment = next(one["attachment"] for one in bodies if one.get("attachment"))
        assert attachment["mediaUrl"] == image["url"]
        status, kind, content = await fetched(here, image["url"])
        assert (status, kind, content[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
        path = "/bsp-cloud-chattigo-isv/media/photo"
        assert await here.call("GET", path, None, await here.token("isv")) == (200, content)
        assert (await here.call("GET", path))[0] == 401
        assert (await fetched(here, image["url"][:-1] + "0x"))[0] == 403
        assert (await here.call("GET", path + "s", None, await here.token("isv")))[0] == 404


@pytest.mark.parametrize(
    ("link", "codes"),
    [("https://x.example/a.PNG?x=1", []), ("https://x.example/a.gif", [131053]), ("https://x", [131053])],
)
async def test_an_ending_of_another_kind_fails_later(isv: Isv, tmp_path: Path, link: str, codes: list[int]) -> None:
    async with rig(tmp_path, isv, {"media": {"kinds": True}}) as here:
        assert await here.image(link) == 200
        assert await here.codes() == codes


async def test_every_form_of_a_link_is_looked_at(isv: Isv, tmp_path: Path) -> None:
    link = "https://gone.example/a.png"
    async with rig(tmp_path, isv, {"media": {"refused": {"https://gone.example/*": 131052}}}) as here:
        await here.said(type="image", isAttachment=True, attachment={"mediaUrl": link, "mimeType": "image/png"})
        await here.batched({"destination": PERSON, "headerParameters": [link]})
        header: dict[str, Any] = {"type": "header", "parameters": [{"type": "image", "image": {"link": link}}]}
        template = {"name": "order_update", "language": {"code": "es"}, "components": [header]}
        body = {"messaging_product": "whatsapp", "to": PERSON, "type": "template", "template": template}
        assert (await here.send(body))[0] == 200
        assert await here.codes() == [131052] * 3
