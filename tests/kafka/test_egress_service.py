"""The egress service as it is run: settings from the environment, tokens from Kafka, the genuine HTTP client."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from egress.chattigo.tokens import token_context
from runtime.kafka.producer import Record
from runtime.secrets import KeyRing, generate_key
from schemas.record import encode
from schemas.session import Template
from schemas.token import Token
from tests.builders.egress import ROOT, SmallChattigo, World, until

PROGRAM = "from runtime.service import run; from egress.lines.process.service import main; run(main, name='egress')"


def environment(bootstrap: str, keys: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    return (
        kept
        | {
            "RELEVO_KAFKA_BOOTSTRAP": bootstrap,
            "RELEVO_KEYS_FILE": str(keys),
            "RELEVO_TENANTS_PRIVATE_NETWORKS": "127.0.0.0/8",
            "RELEVO_EGRESS_SESSION_TIMEOUT_S": "6",
            "RELEVO_SERVICE_INSTANCE": "0",
        }
        | more
    )


async def start(env: dict[str, str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, cwd=ROOT, env=env, stderr=pipe)


async def test_messages_go_out_with_the_token_of_each_account(broker: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(generate_key("k1"))
    ring = KeyRing.load(keys)
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56930000001") as world:
        for account in world.accounts.values():
            now = int(time.time() * 1000)
            token = Token(
                account=account.key,
                generation=1,
                token=ring.encrypt(f"secret-{account.service}", token_context(account)),
                obtained_ms=now,
                refresh_ms=now + 10**7,
                dies_ms=now + 10**8,
            )
            await world.put(Record("tokens", encode(token), account.key.encode()))
        process = await start(environment(broker, keys))
        template = Template(name="order", language="es", body=["x"])
        await world.replies(("e1", "56911110191"))
        await world.send(
            "outbound.templates", world.message("t1", "56911110192", content=template, send_class="utility")
        )

        async def on_record() -> bool:
            return len(await world.messages_in("accepted")) == 2

        await until(on_record, "both are accepted, on record")
        tokens = {call.path: call.headers.get("Authorization") for call in chattigo.accepted}
        assert tokens == {
            f"/v15.0/{world.did}/messages": "secret-isv",
            "/message/inbound": "Bearer secret-hsm",
        }
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, log.decode()[-3000:]
        assert b"secret-" not in log
        assert b"56911110" not in log


async def test_without_a_key_ring_it_says_what_to_do(broker: str, tmp_path: Path) -> None:
    env = environment(broker, tmp_path / "keys")
    del env["RELEVO_KEYS_FILE"]
    process = await start(env)
    _, log = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 78
    assert b"RELEVO_KEYS_FILE" in log
