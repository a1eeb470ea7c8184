"""The demo as its users run it: one command, a genuine Kafka, all services, and figures that add up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(400)


def demo(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """(exit code, the figures, what stood on standard error)."""
    command = [sys.executable, "-m", "relevo", "demo", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=360, check=False)
    assert done.stdout.strip(), done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout.strip().splitlines()[-1]), done.stderr


def accepted(ledger: Path) -> list[tuple[str, int]]:
    """(template, recipients) of each batch, read from the ledger by nothing of ours."""
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    calls: dict[int, list[str]] = {}
    for line in lines:
        if line["type"] == "recipient":
            calls.setdefault(line["call"], []).append(line["template"])
    return sorted((names[0], len(names)) for names in calls.values())


def canary_s(ledger: Path) -> float:
    """How long after the first 80 receipts that tell a fate of the first call the campaign's second call came."""
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    calls: dict[int, list[dict[str, Any]]] = {}
    for line in lines:
        if line["type"] == "recipient" and line["template"] == "order_update":
            calls.setdefault(line["call"], []).append(line)
    first, second = list(calls.values())[:2]
    assert len(first) == 100
    known = {one["wamid"] for one in first}
    told = [one for one in lines if one["type"] == "receipt" and one["wamid"] in known and one["state"] != "sent"]
    fates = {one["wamid"]: one["at_ms"] for one in reversed(told)}
    return float(second[0]["at_ms"] - sorted(fates.values())[79])


def test_nothing_is_lost_nothing_is_sent_twice_and_batches_are_full(tmp_path: Path) -> None:
    code, found, errors = demo("--folder", str(tmp_path / "demo"))
    assert code == 0, errors[-3000:]
    assert (found["lost"], found["sent_twice"], found["pending"], found["violations"]) == (0, 0, 0, [])
    calls = sorted((one["template"], one["recipients"]) for one in found["batches"])
    full = [*(("order_update", count) for count in (100, 500, 900, 1000)), ("payment_reminder", 700)]
    assert calls == full == accepted(Path(found["ledger"]))
    assert canary_s(Path(found["ledger"])) > 0, "the others went when receipts of the canary's 100 were there"
    assert found["logins"].pop("isv|tienda@demo") == 2  # its token died
    assert set(found["logins"].values()) == {1}
    assert found["events_acknowledged"] >= 1000
    assert found["duplicates_dropped"] > 0
    assert found["replies_sent"] > 1000
    assert found["handed_to_a_human"] == 1
    assert {"sent", "delivered", "read"} <= set(found["receipts"])
    assert found["ack_ms"]["p50"] <= found["ack_ms"]["p99"]
    assert found["reply_ms"]["p50"] <= found["reply_ms"]["p99"]


def test_captured_traffic_is_run_through(tmp_path: Path) -> None:
    """Bodies of a folder instead of the script: good ones are answered, broken ones are kept and said to be."""
    captured = tmp_path / "captured"
    captured.mkdir()
    bodies = {
        "one.json": cloud(cloud_value(did="56999999999", messages=[cloud_text("hola", wamid="wamid.captured.1")])),
        "two.json": cloud(
            cloud_value(
                did="56999999999",
                messages=[
                    cloud_text("hola", wamid="wamid.captured.2", sender="56944444444"),
                    cloud_text("hola", wamid="wamid.captured.3", sender="56955555555"),
                ],
            )
        ),
        "unknown.json": {"what": "is this"},
    }
    for name, body in bodies.items():
        (captured / name).write_text(json.dumps(body))
    (captured / "broken.json").write_text("{")
    code, found, errors = demo("--folder", str(tmp_path / "demo"), "--input", str(captured))
    assert code == 0, errors[-3000:]
    assert (found["lost"], found["sent_twice"], found["pending"]) == (0, 0, 0)
    messages = [
        line
        for line in map(json.loads, Path(found["ledger"]).read_text().splitlines())
        if line["type"] == "message" and line["did"] == "56999999999"
    ]
    assert {line["contact"] for line in messages} == {"56922222222", "56944444444", "56955555555"}
