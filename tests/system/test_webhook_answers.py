"""What a stranger with curl gets answered, and where the bytes are."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from relevo.audit.scan import scan
from relevo.demo import scenario
from relevo.demo.stage import Stage
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(200)


async def curl(url: str, body: Path) -> int:
    """The status that curl prints."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", f"@{body}", url]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return int(out)


async def test_each_wrong_webhook_has_its_answer_and_its_bytes_are_kept(tmp_path: Path) -> None:
    foreign = cloud(cloud_value(did="56900000009", messages=[cloud_text(wamid="wamid.foreign")]))
    good = cloud(cloud_value(did=scenario.SHOP.lines[0].did, messages=[cloud_text(wamid="wamid.good")]))
    bodies = {
        "malformed": (b"{not json", 400),
        "oversized": (b'{"x": "' + b"y" * 5_000_000 + b'"}', 413),
        "foreign": (json.dumps(foreign).encode(), 200),
        "unknown": (b'{"hello": "world"}', 200),
        "good": (json.dumps(good).encode(), 200),
    }
    async with Stage(tmp_path / "stage", scenario.TENANTS) as stage:
        url = stage.webhooks[scenario.SHOP.lines[0].did]
        for name, (body, status) in bodies.items():
            file = tmp_path / name
            file.write_bytes(body)
            assert await curl(url, file) == status, name
        assert await curl(url[:-6] + "wrong!", tmp_path / "good") == 404
        kept = {
            message.value(): dict(message.headers() or [])
            for message in await asyncio.to_thread(lambda: list(scan(stage.kafka, ["inbound.rejected"])))
        }
        taken = await asyncio.to_thread(lambda: [m.value() for m in scan(stage.kafka, ["inbound.conversations"])])
    assert set(kept) == {bodies[name][0] for name in ("malformed", "foreign", "unknown")}
    assert taken == [bodies["good"][0]]
