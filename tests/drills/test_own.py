"""A company plays a drill with its own file and its own agent: these run, and nothing of Chattigo's is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from relevo.drills.catalogue import drills
from relevo.drills.own import troupe
from relevo.drills.series import Series

pytestmark = pytest.mark.timeout(450)

ACME = """
tenant: acme
name: Acme
secrets: {webhook: [{env: NOT_THERE}]}
accounts:
  cloud: {service: isv, base: "https://chattigo.example", username: me@acme, password: {env: NOT_THERE}, auth: raw}
lines: [{did: "56911111111", sends: cloud}]
agents: {shop: {}}
routing: {route: [{to: shop}]}
"""
SHOP = """
from relevo import Reply


async def shop(conversation, event):
    if event.kind == "message":
        yield Reply.text("gracias")
"""


async def test_an_agent_of_ones_own_is_killed_and_answers_everybody_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme.yaml").write_text(ACME)
    (tmp_path / "corner_shop.py").write_text(SHOP)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    players = troupe([tmp_path / "acme.yaml"], ["shop=corner_shop:shop"])
    drill = drills()["agents-before-commit-kill"]
    (verdict,) = [one async for one in Series(tmp_path / "drills", players).run([drill], [1])]
    assert verdict.violations == []
    assert verdict.reached == ["agents was killed at chunk_produced"]
    assert verdict.counts["answered"] >= 100
