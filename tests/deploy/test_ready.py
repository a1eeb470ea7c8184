"""What `helm test` asks fails when a pod is not ready, when nobody answers, and when a stranger's webhook is taken."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.kafka.ports import free_ports
from tests.deploy.conftest import CHART


@contextmanager
def answering(ready: int, stranger: int) -> Iterator[int]:
    """A server that is both a pod's admin port and the webhooks' door."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(ready)

        def do_POST(self) -> None:
            self._answer(stranger)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"so it is")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def asked(port: int) -> tuple[int, str]:
    text = (CHART / "files" / "ready.py").read_text()
    command = [sys.executable, "-c", text, f"127.0.0.1:{port}", f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(("ready", "stranger", "code"), [(200, 404, 0), (503, 404, 1), (200, 200, 1), (200, 503, 1)])
def test_it_ends_well_only_if_all_are_ready_and_strangers_are_turned_away(ready: int, stranger: int, code: int) -> None:
    with answering(ready, stranger) as port:
        ended, said = asked(port)
    assert ended == code
    assert f"127.0.0.1: {ready} so it is" in said
    assert f"a stranger at the webhooks: {stranger} so it is" in said


def test_nobody_who_answers_is_not_ready() -> None:
    code, said = asked(free_ports(1)[0])
    assert code == 1
    assert "127.0.0.1: 0 " in said
