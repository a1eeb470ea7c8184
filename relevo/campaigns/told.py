"""What is told of a submission, line by line: what was submitted, or what a dry run found. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from relevo.campaigns.order import Order
from relevo.campaigns.passage import Found
from relevo.cli.span import moment, span

COUNTRIES = 8
Line = tuple[str, str | None]
"""A text, and the style in which it is shown."""


def submitted(done: Found) -> Iterator[Line]:
    """A campaign that exists now."""
    dealt = ", ".join(f"{did} ({count})" if len(done.lines) > 1 else did for did, count in done.lines.items() if count)
    left_out = sum(done.left_out.values())
    yield (
        f"campaign {done.campaign} on line {dealt}: {done.total} recipients in {done.chunks} chunks, "
        f"{left_out} rows left out",
        None,
    )
    yield from _left_out(done)
    for did, by in done.held.items():
        yield f"  line {did} is held ({', '.join(by)}), so nothing of it is sent yet; see: relevo pause ls", "yellow"
    yield f"see: relevo campaign show {done.campaign}", None


def found(result: Found, chosen: Order, now_ms: int) -> Iterator[Line]:
    """What a dry run found."""
    form, template = chosen.form, chosen.template
    shape = f"{form.kind}, {form.encoding}" + (f", delimiter {form.delimiter!r}" if form.delimiter else "")
    named = f"{template.name}/{template.language}"
    yield f"campaign {result.campaign}: {result.total} recipients of {named} ({shape})", None
    for did, count in result.lines.items():
        yield f"  line {did}: {count} recipients in {result.calls[did]} calls", None
    yield from _countries(result)
    yield from _left_out(result)
    yield _cost(result), None
    yield from _time(result, chosen, now_ms)


def _countries(result: Found) -> Iterator[Line]:
    countries = list(result.countries.items())
    for name, count in countries[:COUNTRIES]:
        yield f"  {name}: {count}", None
    if len(countries) > COUNTRIES:
        more = sum(count for _, count in countries[COUNTRIES:])
        yield f"  {len(countries) - COUNTRIES} more countries: {more}", None


def _left_out(result: Found) -> Iterator[Line]:
    if result.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(result.left_out.items()))
        yield f"  left out: {reasons}; see {result.rejected}", None


def _cost(result: Found) -> str:
    if result.without_price >= result.total:
        return "  cost: unknown; the tenant file has no `prices` for it"
    less = f", without {result.without_price} whose price is unknown" if result.without_price else ""
    return f"  cost: {result.cost:,.2f} {result.currency}{less}"


def _time(result: Found, chosen: Order, now_ms: int) -> Iterator[Line]:
    expires_ms = chosen.terms.expires_ms
    yield f"  about {span(result.finish_ms - now_ms)} to send: through at about {moment(result.finish_ms)}", None
    if 0 < expires_ms < result.finish_ms:
        yield f"  it expires before: what is not sent by {moment(expires_ms)} is refused", "yellow"
    for did, by in result.held.items():
        yield f"  line {did} is held ({', '.join(by)}): the time counts from when it goes on", "yellow"
    if chosen.terms.draft:
        yield "  a draft: the time counts from when it is resumed", None
