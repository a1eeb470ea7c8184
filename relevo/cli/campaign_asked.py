"""What `relevo campaign submit` may be asked: its arguments and options, and what their words mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from relevo.campaigns.mapping import Wanted
from relevo.campaigns.order import REJECTED, Terms
from relevo.campaigns.passage import MAX_BAD
from relevo.cli.console import who
from relevo.cli.span import parsed
from schemas.campaign import Canary, Ramp, StopRule

STDIN = Path("-")
_AT_HELP = "2026-12-24T09:00 (UTC unless an offset is written), or in: 30min, 2h, 7d"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """As it was written; what cannot be meant raises typer.BadParameter."""

    file: Annotated[Path, typer.Argument(help="CSV with a header row, or NDJSON; - for standard input.")]
    tenant: Annotated[str, typer.Option(help="Whose campaign it is.")]
    template: Annotated[str, typer.Option(help="The template's name.")]
    language: Annotated[str, typer.Option(help="The template's language.")] = "es"
    line: Annotated[list[str] | None, typer.Option(help="A sending number; else the first that can.")] = None
    all_lines: Annotated[bool, typer.Option("--all-lines", help="Every line that sends templates.")] = False
    mapping: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="What fills what, YAML.")] = None
    to: Annotated[str, typer.Option(help="The column of the numbers.")] = ""
    body: Annotated[list[str] | None, typer.Option(help="COLUMN, COLUMN:=default or =constant; in order.")] = None
    button: Annotated[list[str] | None, typer.Option(help="The same for buttons; in order.")] = None
    header: Annotated[list[str] | None, typer.Option(help="The same for the header.")] = None
    country: Annotated[str, typer.Option(help="Of numbers without a country code: CL.")] = ""
    encoding: Annotated[str, typer.Option(help="Of a CSV; found out when not given.")] = ""
    delimiter: Annotated[str, typer.Option(help="Of a CSV; found out when not given.")] = ""
    at: Annotated[str, typer.Option(help=f"When it begins: {_AT_HELP}.")] = ""
    expires: Annotated[str, typer.Option(help="What is not sent by then is not sent; written like --at.")] = ""
    draft: Annotated[bool, typer.Option("--draft", help="It waits until it is resumed.")] = False
    canary: Annotated[int, typer.Option(min=0, help="So many of each line go first.")] = 0
    canary_wait: Annotated[str, typer.Option(help="How long their receipts are waited for.")] = "15min"
    ramp: Annotated[str, typer.Option(help="Shares of the rate, one after the other: 0.1,0.5.")] = ""
    ramp_step: Annotated[str, typer.Option(help="How long each share lasts.")] = "5min"
    stop_on: Annotated[str, typer.Option(help="Pause when more than this share fails: 5%.")] = ""
    stop_codes: Annotated[str, typer.Option(help="Only these of WhatsApp's codes count, by commas.")] = ""
    campaign: Annotated[str, typer.Option("--id", help="The campaign's id; made from the file when not given.")] = ""
    name: Annotated[str, typer.Option(help="What people call it; the file's name when not given.")] = ""
    max_bad: Annotated[str, typer.Option(help="A larger share of bad rows refuses the whole.")] = f"{MAX_BAD:.0%}"
    rejected: Annotated[Path | None, typer.Option(help="Where bad rows are reported; beside the file.")] = None
    force: Annotated[bool, typer.Option("--force", help="Also beyond what may wait on a line.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report only.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False

    def terms(self, now_ms: int) -> Terms:
        """When and how it goes out."""
        wait_s, step_s = _seconds(self.canary_wait, "--canary-wait"), _seconds(self.ramp_step, "--ramp-step")
        shares = [_share(one.strip(), "--ramp") for one in self.ramp.split(",")] if self.ramp else []
        codes = [one for one in self.stop_codes.split(",") if one]
        return Terms(
            start_ms=_time(self.at, now_ms, "--at"),
            expires_ms=_time(self.expires, now_ms, "--expires"),
            draft=self.draft,
            canary=Canary(count=self.canary, wait_s=wait_s) if self.canary else None,
            ramp=Ramp(shares=shares, step_s=step_s) if shares else None,
            stop=StopRule(failed_share=_share(self.stop_on, "--stop-on"), codes=codes),
            name=self.name,
            by=who(),
        )

    @property
    def wanted(self) -> Wanted:
        """The mapping file's words, and over them those of the flags."""
        read = Wanted.read(self.mapping) if self.mapping is not None else Wanted()
        given = {"to": self.to, "body": self.body, "buttons": self.button}
        given |= {"header": self.header, "country": self.country}
        return replace(read, **{name: value for name, value in given.items() if value})

    @property
    def bad_share(self) -> float:
        """How large a share of the rows may be bad."""
        return _share(self.max_bad, "--max-bad")

    @property
    def report(self) -> Path | None:
        """Where rows that are left out are told of; None: beside the file."""
        return self.rejected or (Path("stdin" + REJECTED) if self.file == STDIN else None)


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
