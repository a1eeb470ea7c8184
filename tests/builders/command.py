"""A verb of the command line, run in this process against a broker."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from relevo.cli.program import app


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Ran]


def command(
    monkeypatch: pytest.MonkeyPatch, bootstrap: str, verb: str, refusals: tuple[type[Exception], ...] = ()
) -> Command:
    """`relevo VERB …` with no settings but where Kafka is; of `refusals` the words are added to what was said."""
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RELEVO_KAFKA_BOOTSTRAP", bootstrap)

    def run(*arguments: object) -> Ran:
        ran = CliRunner().invoke(app, [verb, *map(str, arguments)])
        refused = ran.exception if isinstance(ran.exception, refusals) else None
        assert refused or ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
        return Ran(ran.exit_code, ran.stdout, ran.stderr + str(refused or ""))

    return run
