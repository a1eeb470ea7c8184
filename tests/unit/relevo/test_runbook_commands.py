"""What runbooks say to type at the cluster shows what it is typed for, also where kubectl or Python would hide it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[3] / "docs" / "runbooks").glob("*.md"))
TYPED = [(page.stem, line) for page in PAGES for line in re.findall(r"^kubectl .*$", page.read_text(), re.MULTILINE)]
REFUSED = b'{"checks": ["partitions"]}'


class NotReady(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/ready" else 404)
        self.send_header("Content-Length", str(len(REFUSED)))
        self.end_headers()
        self.wfile.write(REFUSED)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """Of an admin port that is not ready."""
    server = HTTPServer(("127.0.0.1", 0), NotReady)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pod_that_is_not_ready_says_which_condition_does_not_hold(port: int) -> None:
    [line] = [line for page, line in TYPED if page == "RelevoServiceNotReady" and "python -c" in line]
    code = shlex.split(line)[-1].replace("9400", str(port))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=30)
    assert done.stdout.strip() == REFUSED, done.stderr.decode()


def test_logs_of_many_pods_are_shown_whole() -> None:
    """Of pods that a selector names kubectl shows the last ten lines, unless it is told otherwise."""
    chosen = [line for _, line in TYPED if " logs " in line and " -l " in line]
    assert len(chosen) > 5
    assert [line for line in chosen if "--tail=-1" not in line] == []
