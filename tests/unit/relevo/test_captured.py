"""Captured traffic is played as if it came now; what is no webhook stays as it is."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from relevo.demo.captured import read
from schemas.chattigo import webhook
from tests.builders.webhooks import LINE, cloud, cloud_status, cloud_text, cloud_value, flat

NOW_MS = 1_800_000_000_000


def put(folder: Path, **bodies: object) -> None:
    for name, body in bodies.items():
        (folder / name).write_bytes(body if isinstance(body, bytes) else orjson.dumps(body))


def test_old_messages_are_moved_to_now_and_keep_their_distances(tmp_path: Path) -> None:
    first = cloud(cloud_value(messages=[cloud_text(wamid="a", at_s=1_700_000_000)], statuses=[cloud_status()]))
    put(tmp_path, a=first, b=cloud(cloud_value(messages=[cloud_text(wamid="b", at_s=1_700_000_060)])))
    moved = [arrival for one in read(tmp_path, NOW_MS, "1") for arrival in webhook.arrivals(orjson.loads(one.body))]
    assert [(arrival.id, arrival.at_ms) for arrival in moved] == [("a", NOW_MS - 60_000), ("b", NOW_MS)]


@pytest.mark.parametrize("retime", [True, False])
def test_fresh_messages_and_those_that_keep_their_times_stay_the_bytes_that_they_are(
    tmp_path: Path, retime: bool
) -> None:
    at_s = NOW_MS // 1000 - (3600 if retime else 90_000_000)
    put(tmp_path, a=cloud(cloud_value(messages=[cloud_text(at_s=at_s)])))
    (one,) = read(tmp_path, NOW_MS, "1", retime=retime)
    assert one.body == (tmp_path / "a").read_bytes()


def test_each_body_goes_to_the_line_that_it_names(tmp_path: Path) -> None:
    put(
        tmp_path,
        broken=b"{",
        odd={"x": 1},
        short=flat(did="56"),
        flat=flat(did="5699999999"),
        cloud=cloud(cloud_value(messages=[cloud_text()])),
    )
    found = {one.name: (one.did, one.body) for one in read(tmp_path, NOW_MS, "usual")}
    assert (found["broken"], found["odd"]) == (("usual", b"{"), ("usual", b'{"x":1}'))
    assert (found["flat"][0], found["cloud"][0], found["short"][0]) == ("5699999999", LINE, "usual")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no files"):
        read(tmp_path, NOW_MS, "1")
