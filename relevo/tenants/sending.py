"""What is wrong with what a tenant file says about sending: templates, quiet hours, zones, limits, opt-outs. Pure.

It is checked by the code that later acts on it, so that what is taken here means the same there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from egress.lines.gate import paid, quiet
from egress.lines.gate.catalogue import BODY_MAX
from processors.conversations import terms
from relevo.tenants.shape import Path
from schemas.tenant import Quiet, TemplateSpec, Tenant

LIMITS = ("paid_per_day", "zone", "backlog")
BUTTONS_MAX = 10
TIMEOUT_MIN_S, TIMEOUT_MAX_S = 1, 7 * 86_400
# WhatsApp's own forms: names in lower snake case, languages as it lists them (es, pt_BR, zh_HK).
_NAME = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Za-z]{2,4})?", re.ASCII)


class Fault(NamedTuple):
    """Where it stands, and what to write instead."""

    path: Path
    what: str


def faults(tenant: Tenant) -> Iterator[Fault]:
    """Everything that is wrong."""
    yield from _templates(tenant)
    yield from _quiets(tenant)
    yield from _said(("zone",), lambda: quiet.zone(tenant.zone or paid.UTC))
    yield from _limits(tenant)
    if not (tenant.handoff.timeout_s == 0 or TIMEOUT_MIN_S <= tenant.handoff.timeout_s <= TIMEOUT_MAX_S):
        yield Fault(("handoff", "timeout_s"), f"{TIMEOUT_MIN_S} to {TIMEOUT_MAX_S} seconds; 0 for never")
    yield from (Fault(("optout", *path), what) for path, what in terms.problems(tenant.optout))


def _said(path: Path, read: Callable[[], object]) -> Iterator[Fault]:
    try:
        read()
    except ValueError as error:
        yield Fault(path, str(error))


def _templates(tenant: Tenant) -> Iterator[Fault]:
    times = Counter((spec.name, spec.language) for spec in tenant.templates)
    for index, spec in enumerate(tenant.templates):
        path: Path = ("templates", index)
        if times[spec.name, spec.language] > 1:
            yield Fault((*path, "name"), f"{spec.name} stands there twice in {spec.language}")
        if not _NAME.fullmatch(spec.name):
            yield Fault((*path, "name"), "as WhatsApp has it: small letters, digits and _")
        if not _LANGUAGE.fullmatch(spec.language):
            yield Fault((*path, "language"), f"a language is a code like es or pt_BR, not {spec.language!r}")
        if spec.body < 0:
            yield Fault((*path, "body"), "how many parameters the body takes, 0 or more")
        if not 0 <= spec.body_chars <= BODY_MAX:
            yield Fault((*path, "body_chars"), f"0 to {BODY_MAX} characters without the parameters")
        yield from _buttons(spec, path)


def _buttons(spec: TemplateSpec, path: Path) -> Iterator[Fault]:
    for index, button in enumerate(spec.buttons):
        place: Path = (*path, "buttons", index, "index")
        if not 0 <= button.index < BUTTONS_MAX:
            yield Fault(place, f"the button's place, 0 to {BUTTONS_MAX - 1}")
        if any(other.index == button.index for other in spec.buttons[:index]):
            yield Fault(place, f"button {button.index} stands there twice")


def _quiets(tenant: Tenant) -> Iterator[Fault]:
    every: list[tuple[Path, Quiet | None]] = [(("quiet",), tenant.quiet)]
    every += [(("lines", index, "quiet"), line.quiet) for index, line in enumerate(tenant.lines)]
    for path, hours in every:
        if hours is None:
            continue
        yield from _said(path, partial(quiet.hours, hours))
        if hours.zone != quiet.RECIPIENT:
            yield from _said((*path, "zone"), partial(quiet.zone, hours.zone))


def _limits(tenant: Tenant) -> Iterator[Fault]:
    for name in tenant.limits:
        if name not in LIMITS:
            yield Fault(("limits", name), f"no such limit; known are {', '.join(LIMITS)}")
    yield from _said(("limits", "paid_per_day"), lambda: paid.cap(tenant))
    backlog = tenant.limits.get("backlog", 1)
    if not isinstance(backlog, int) or isinstance(backlog, bool) or backlog < 1:
        yield Fault(("limits", "backlog"), "so many messages may wait on a line: a whole number from 1 on")
    if "zone" in tenant.limits:
        yield from _said(("limits", "zone"), lambda: quiet.zone(paid.zone_name(tenant)))
