"""`relevo campaign submit`: mass sends from a file."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace

from relevo.campaigns.mapping import Wanted
from relevo.campaigns.order import REJECTED, Order, Terms, order
from relevo.campaigns.passage import MAX_BAD, Found
from relevo.campaigns.submit import Submission
from relevo.cli import campaign_progress
from relevo.cli.console import err, fail, say, who
from relevo.cli.span import moment, parsed, span
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.settings import EgressSettings, KafkaSettings, load
from schemas.campaign import Canary, Ramp, StopRule

app = typer.Typer(help="Mass sends from a file.", no_args_is_help=True)
campaign_progress.add_to(app)

STDIN = Path("-")
COUNTRIES = 8
_AT_HELP = "2026-12-24T09:00 (UTC unless an offset is written), or in: 30min, 2h, 7d"


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="CSV with a header row, or NDJSON; - for standard input.")],
    tenant: Annotated[str, typer.Option(help="Whose campaign it is.")],
    template: Annotated[str, typer.Option(help="The template's name.")],
    language: Annotated[str, typer.Option(help="The template's language.")] = "es",
    line: Annotated[list[str] | None, typer.Option(help="A sending number; else the first that can.")] = None,
    all_lines: Annotated[bool, typer.Option("--all-lines", help="Every line that sends templates.")] = False,
    mapping: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="What fills what, YAML.")] = None,
    to: Annotated[str, typer.Option(help="The column of the numbers.")] = "",
    body: Annotated[list[str] | None, typer.Option(help="COLUMN, COLUMN:=default or =constant; in order.")] = None,
    button: Annotated[list[str] | None, typer.Option(help="The same for buttons; in order.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="The same for the header.")] = None,
    country: Annotated[str, typer.Option(help="Of numbers without a country code: CL.")] = "",
    encoding: Annotated[str, typer.Option(help="Of a CSV; found out when not given.")] = "",
    delimiter: Annotated[str, typer.Option(help="Of a CSV; found out when not given.")] = "",
    at: Annotated[str, typer.Option(help=f"When it begins: {_AT_HELP}.")] = "",
    expires: Annotated[str, typer.Option(help="What is not sent by then is not sent; written like --at.")] = "",
    draft: Annotated[bool, typer.Option("--draft", help="It waits until it is resumed.")] = False,
    canary: Annotated[int, typer.Option(min=0, help="So many of each line go first.")] = 0,
    canary_wait: Annotated[str, typer.Option(help="How long their receipts are waited for.")] = "15min",
    ramp: Annotated[str, typer.Option(help="Shares of the rate, one after the other: 0.1,0.5.")] = "",
    ramp_step: Annotated[str, typer.Option(help="How long each share lasts.")] = "5min",
    stop_on: Annotated[str, typer.Option(help="Pause when more than this share fails: 5%.")] = "",
    stop_codes: Annotated[str, typer.Option(help="Only these of WhatsApp's codes count, by commas.")] = "",
    campaign: Annotated[str, typer.Option("--id", help="The campaign's id; made from the file when not given.")] = "",
    name: Annotated[str, typer.Option(help="What people call it; the file's name when not given.")] = "",
    max_bad: Annotated[str, typer.Option(help="A larger share of bad rows refuses the whole.")] = f"{MAX_BAD:.0%}",
    rejected: Annotated[Path | None, typer.Option(help="Where bad rows are reported; beside the file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also beyond what may wait on a line.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Submit a campaign. The same file for the same lines and template is refused the second time.

    Rows that are left out stand in FILE.rejected.csv, with the reason.
    """
    settings, now = load(KafkaSettings), now_ms()
    if file != STDIN and not file.is_file():
        raise typer.BadParameter(f"{file} is no file", param_hint="FILE")
    owner = read_tenants(settings).get(tenant)
    if owner is None:
        fail(f"no tenant {tenant!r}; see: relevo tenants ls")
    terms = Terms(
        start_ms=_time(at, now, "--at"),
        expires_ms=_time(expires, now, "--expires"),
        draft=draft,
        canary=Canary(count=canary, wait_s=_seconds(canary_wait, "--canary-wait")) if canary else None,
        ramp=_ramp(ramp, _seconds(ramp_step, "--ramp-step")),
        stop=StopRule(failed_share=_share(stop_on, "--stop-on"), codes=[one for one in stop_codes.split(",") if one]),
        name=name,
        by=who(),
    )
    wanted = _wanted(mapping, to, body or [], button or [], header or [], country)
    with _at_hand(file) as there:
        chosen = order(
            there,
            owner,
            template=template,
            language=language,
            lines=line or [],
            all_lines=all_lines,
            campaign=campaign,
            wanted=wanted,
            terms=terms,
            encoding=encoding,
            delimiter=delimiter,
            rejected=rejected or (Path("stdin" + REJECTED) if file == STDIN else None),
            check_numbers=load(EgressSettings).check_numbers,
        )
        submission = Submission(settings, chosen, now, max_bad=_share(max_bad, "--max-bad"), force=force)
        if dry_run:
            _dry_run(submission, chosen, now, as_json=as_json)
            return
        done = asyncio.run(submission.run())
    if as_json:
        sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
    else:
        _say_done(done)


def _say_done(done: Found) -> None:
    dealt = ", ".join(f"{did} ({count})" if len(done.lines) > 1 else did for did, count in done.lines.items() if count)
    say(
        f"campaign {done.campaign} on line {dealt}: {done.total} recipients in {done.chunks} chunks, "
        f"{sum(done.left_out.values())} rows left out"
    )
    _say_left_out(done)
    for did, by in done.held.items():
        say(f"  line {did} is held ({', '.join(by)}), so nothing of it is sent yet; see: relevo pause ls", "yellow")
    say(f"see: relevo campaign show {done.campaign}")


def _dry_run(submission: Submission, chosen: Order, now: int, *, as_json: bool) -> None:
    found, problems = submission.dry_run()
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _say_found(found, chosen, now)
    for problem in problems:
        err.print(f"it would be refused: {problem}", style="red", markup=False, soft_wrap=True)
    if problems:
        sys.exit(1)


def _say_found(found: Found, chosen: Order, now: int) -> None:
    form, template = chosen.form, chosen.template
    shape = f"{form.kind}, {form.encoding}" + (f", delimiter {form.delimiter!r}" if form.delimiter else "")
    say(f"campaign {found.campaign}: {found.total} recipients of {template.name}/{template.language} ({shape})")
    for did, count in found.lines.items():
        say(f"  line {did}: {count} recipients in {found.calls[did]} calls")
    countries = list(found.countries.items())
    for name, count in countries[:COUNTRIES]:
        say(f"  {name}: {count}")
    if len(countries) > COUNTRIES:
        say(f"  {len(countries) - COUNTRIES} more countries: {sum(count for _, count in countries[COUNTRIES:])}")
    _say_left_out(found)
    if found.without_price < found.total:
        less = f", without {found.without_price} whose price is unknown" if found.without_price else ""
        say(f"  cost: {found.cost:,.2f} {found.currency}{less}")
    else:
        say("  cost: unknown; the tenant file has no `prices` for it")
    say(f"  about {span(found.finish_ms - now)} to send: through at about {moment(found.finish_ms)}")
    if 0 < chosen.terms.expires_ms < found.finish_ms:
        say(f"  it expires before: what is not sent by {moment(chosen.terms.expires_ms)} is refused", "yellow")
    for did, by in found.held.items():
        say(f"  line {did} is held ({', '.join(by)}): the time counts from when it goes on", "yellow")
    if chosen.terms.draft:
        say("  a draft: the time counts from when it is resumed")


def _say_left_out(found: Found) -> None:
    if not found.left_out:
        return
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(found.left_out.items()))
    say(f"  left out: {reasons}; see {found.rejected}")


def _wanted(file: Path | None, to: str, body: list[str], button: list[str], header: list[str], country: str) -> Wanted:
    """The mapping file's words, and over them those of the flags."""
    read = Wanted.read(file) if file is not None else Wanted()
    given = {"to": to, "body": body, "buttons": button, "header": header, "country": country}
    return replace(read, **{name: value for name, value in given.items() if value})


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


def _time(text: str, now: int, option: str) -> int:
    """A time of the wall clock, or a span from now; 0 for none."""
    if not text:
        return 0
    try:
        return now + parsed(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write {_AT_HELP}", param_hint=option) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _seconds(text: str, option: str) -> float:
    try:
        return parsed(text) / 1000
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint=option) from None


def _share(text: str, option: str) -> float:
    """`5%` or `0.05`; 0 for nothing."""
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text or 0)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise typer.BadParameter(f"{text!r} is no share; write 5% or 0.05", param_hint=option)
    return share


def _ramp(text: str, step_s: float) -> Ramp | None:
    if not text:
        return None
    return Ramp(shares=[_share(one.strip(), "--ramp") for one in text.split(",")], step_s=step_s)
