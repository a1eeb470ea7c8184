"""Errors by number: each with the status and in the place where WhatsApp tells it."""

from pathlib import Path

import orjson
import pytest

from sandbox.chattigo.errors import KNOWN
from tests.builders.knobs.rig import rig
from tests.unit.sandbox.conftest import Isv


async def test_every_number_can_be_answered(isv: Isv, tmp_path: Path) -> None:
    told = [code for code, known in KNOWN.items() if known.where != "receipt"]
    async with rig(tmp_path, isv, {"send_refused": 1}) as here:
        for code in told:
            here.chattigo.turn(send_refused_codes=[code])
            status, body = await here.text()
            assert (status, orjson.loads(body)["error"]["code"]) == (KNOWN[code].status, code)


async def test_every_number_can_be_a_receipt(isv: Isv, tmp_path: Path) -> None:
    told = [code for code, known in KNOWN.items() if known.where != "answer"]
    async with rig(tmp_path, isv, {"receipts": {"failed": 1}}) as here:
        for code in told:
            here.chattigo.turn(receipts={"failed_codes": [code]})
            await here.text()
        assert sorted(await here.codes()) == sorted(told)


@pytest.mark.parametrize(
    ("code", "status"), [(190, 401), (3, 500), (10, 403), (131031, 403), (132001, 404), (131008, 400)]
)
def test_statuses_are_those_of_the_facts(code: int, status: int) -> None:
    assert KNOWN[code].status == status
