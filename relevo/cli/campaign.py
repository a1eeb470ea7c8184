"""`relevo campaign submit`: mass sends from a file."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import typer

from relevo.campaigns import told
from relevo.campaigns.order import Order, order
from relevo.campaigns.submit import Submission
from relevo.cli import campaign_progress
from relevo.cli.bundle import bundled
from relevo.cli.campaign_asked import STDIN, Asked
from relevo.cli.console import err, fail, say
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.settings import EgressSettings, KafkaSettings, load
from schemas.record import Frozen
from schemas.tenant import Tenant

app = typer.Typer(help="Mass sends from a file.", no_args_is_help=True)
campaign_progress.add_to(app)


@app.command()
@bundled(Asked)
def submit(asked: Asked) -> None:
    """Submit a campaign. The same file for the same lines and template is refused the second time.

    Rows that are left out stand in FILE.rejected.csv, with the reason.
    """
    settings, now = load(KafkaSettings), now_ms()
    if asked.file != STDIN and not asked.file.is_file():
        raise typer.BadParameter(f"{asked.file} is no file", param_hint="FILE")
    owner = read_tenants(settings).get(asked.tenant)
    if owner is None:
        fail(f"no tenant {asked.tenant!r}; see: relevo tenants ls")
    with _at_hand(asked.file) as there:
        chosen = _ordered(asked, there, owner, now)
        submission = Submission(settings, chosen, now, max_bad=asked.bad_share, force=asked.force)
        if asked.dry_run:
            _dry_run(submission, chosen, now, as_json=asked.as_json)
        else:
            done = asyncio.run(submission.run())
            _print(done, told.submitted(done), as_json=asked.as_json)


def _ordered(asked: Asked, file: Path, owner: Tenant, now: int) -> Order:
    return order(
        file,
        owner,
        template=asked.template,
        language=asked.language,
        lines=asked.line or [],
        all_lines=asked.all_lines,
        campaign=asked.campaign,
        wanted=asked.wanted,
        terms=asked.terms(now),
        encoding=asked.encoding,
        delimiter=asked.delimiter,
        rejected=asked.report,
        check_numbers=load(EgressSettings).check_numbers,
    )


def _dry_run(submission: Submission, chosen: Order, now: int, *, as_json: bool) -> None:
    found, problems = submission.dry_run()
    _print(found, told.found(found, chosen, now), as_json=as_json)
    for problem in problems:
        err.print(f"it would be refused: {problem}", style="red", markup=False, soft_wrap=True)
    if problems:
        sys.exit(1)


def _print(result: Frozen, lines: Iterable[told.Line], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
        return
    for text, style in lines:
        say(text, style)


@contextmanager
def _at_hand(file: Path) -> Iterator[Path]:
    """The file; standard input is kept in one meanwhile."""
    if file != STDIN:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="relevo-") as folder:
        kept = Path(folder) / "stdin"
        with kept.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        yield kept
