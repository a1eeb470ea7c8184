"""Batches whose recipients are bad, many, none, twice, or known: each answer that Chattigo may give."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.chattigo import ledger
from tests.builders.knobs.rig import PERSON, Rig, rig
from tests.unit.sandbox.conftest import Isv

OTHER = "56922222222"


async def taken(here: Rig) -> list[tuple[int, str]]:
    return [(one.position, one.destination) for one in here.found(ledger.Recipient)]


async def test_bad_ones_are_left_out_and_told(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {"hsm_partial": "sync_partial"}) as here:
        status, body = await here.batched("nobody", PERSON)
        assert (status, body["success"]) == (200, True)
        assert [one["success"] for one in body["results"]] == [False, True]
        assert body["results"][0]["errors"][0]["code"] == 131026
        assert await taken(here) == [(1, PERSON)]
        assert await here.codes() == []
        status, body = await here.batched("nobody")
        assert (status, body["success"]) == (200, False)


async def test_one_bad_one_spoils_the_batch(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {"hsm_partial": "sync_reject_all"}) as here:
        status, body = await here.batched(PERSON, "nobody")
        assert status == 400
        assert [one["success"] for one in body["results"]] == [True, False]
        assert await taken(here) == []
        assert (await here.batched(PERSON))[0] == 200


@pytest.mark.parametrize(("knob", "status", "count"), [("twice", 200, 3), ("once", 200, 2), ("reject", 400, 0)])
async def test_a_number_that_stands_twice(isv: Isv, tmp_path: Path, knob: str, status: int, count: int) -> None:
    async with rig(tmp_path, isv, {"hsm_repeated": knob}) as here:
        found, _ = await here.batched(PERSON, OTHER, PERSON)
        assert (found, len(await taken(here))) == (status, count)


@pytest.mark.parametrize(
    ("knob", "status", "count"), [("reject", 400, 0), ("truncate", 200, 1000), ("accept", 200, 1001)]
)
async def test_more_than_a_thousand(isv: Isv, tmp_path: Path, knob: str, status: int, count: int) -> None:
    async with rig(tmp_path, isv, {"hsm_over": knob, "receipts": {"hsm": "none"}}) as here:
        found, _ = await here.batched(*(f"569{number:08d}" for number in range(1001)))
        assert (found, len(await taken(here))) == (status, count)


async def test_a_known_id_is_answered_and_not_sent_also_after_a_restart(isv: Isv, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"dedupe_s": 60}
    one, two = {"destination": PERSON, "id": "m1"}, {"destination": OTHER, "id": "m2"}
    async with rig(tmp_path, isv, changes) as here:
        await here.batched(one)
        assert await here.batched(one, two) == (200, {"success": True})
        assert await taken(here) == [(0, PERSON), (1, OTHER)]
        assert [await here.said(id=7), await here.said(id=7)] == [200, 200]
        assert len(here.found(ledger.Message)) == 1
    async with rig(tmp_path, isv, changes) as again:
        await again.batched(one)
        assert len(await taken(again)) == 2
        again.clock.now_s += 61
        await again.batched(one)
        assert len(await taken(again)) == 3


@pytest.mark.parametrize(("knob", "status"), [("ignore", 200), ("400", 400), ("502", 502)])
async def test_fields_that_nobody_knows(isv: Isv, tmp_path: Path, knob: str, status: int) -> None:
    async with rig(tmp_path, isv, {"hsm_unknown": knob}) as here:
        assert (await here.batched(mood="sunny"))[0] == status
        assert (await here.batched(idUser=1, campaign=2, msisdn="", content=""))[0] == 200


async def test_required_fields_are_a_list(isv: Isv, tmp_path: Path) -> None:
    async with rig(tmp_path, isv, {"hsm_required": ["hsm.template"]}) as here:
        body = here.batch()
        del body["channel"]
        del body["hsm"]["languageCode"]
        assert (await here.hsm(body))[0] == 200
        assert await here.codes() == [132001]
        del body["hsm"]["template"]
        assert (await here.hsm(body))[0] == 400
