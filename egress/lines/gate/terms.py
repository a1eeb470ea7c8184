"""Terms: what a tenant's record says about sending on one of its lines, worked out once for all messages. Pure.

What cannot be read of it is a fault, with which nothing is sent: `relevo tenants apply` checks all of it, so only a
record of another version can have one.
"""

from __future__ import annotations

from egress.lines.gate import numbers, paid, quiet
from egress.lines.gate.catalogue import Shape, shapes
from egress.lines.gate.quiet import RECIPIENT, Hours, Window
from schemas import phone
from schemas.optout import Optout
from schemas.session import Template
from schemas.tenant import Line, Tenant

OTP = frozenset({"otp"})


class Terms:
    """`own` are the line's numbers, `cap` the paid messages a day, `otp_too` whether an opt-out of everything holds for
    one-time passwords."""

    def __init__(self, tenant: Tenant, line: Line) -> None:
        self.tenant, self.line = tenant, line
        self.name = tenant.tenant
        self.own = {phone.canonical(one) for one in (line.did, line.wa_id) if one}
        self.otp_too = tenant.optout.get("otp") is True
        self.hours: Hours | None = None
        self._fixed: Window | None = None
        self._elsewhere: tuple[str, ...] = ()
        self.cap: int | None = None
        self.fault = ""
        self._shapes = shapes(tenant.templates)
        try:
            self.calendar = paid.Calendar(quiet.zone(paid.zone_name(tenant)))
            self.cap = paid.cap(tenant)
            self._read_quiet()
        except ValueError as error:
            self.fault, self.hours, self._fixed, self.cap = str(error), None, None, None

    def _read_quiet(self) -> None:
        wanted = self.line.quiet or self.tenant.quiet
        if wanted is None:
            return
        self.hours = quiet.hours(wanted)
        self._elsewhere = (self.tenant.zone,) if self.tenant.zone else numbers.zones(self.line.did)
        if self._elsewhere:
            quiet.window(self.hours, self._elsewhere)
        if wanted.zone != RECIPIENT:
            self._fixed = quiet.window(self.hours, (wanted.zone,))

    def shape(self, template: Template) -> Shape | None:
        """The template of the catalogue; no other language instead of the one that was asked for."""
        return self._shapes.get((template.name, template.language))

    def window(self, number: str) -> Window | None:
        """When bulk may go to this number, in its canonical form; None: always. Whose number tells no zone is where the
        tenant is, or the line's own number."""
        if self.hours is None or self._fixed is not None:
            return self._fixed
        return quiet.window(self.hours, numbers.zones(number) or self._elsewhere)

    @property
    def everybody(self) -> Window | None:
        """The window where it is the same for everybody."""
        return self._fixed

    def covers(self, optout: Optout, categories: frozenset[str]) -> str:
        """The category that the person does not want; empty when there is none."""
        if optout.categories:
            found = categories.intersection(optout.categories)
            return min(found) if found else ""
        unwanted = categories - {"reply"} if self.otp_too else categories - {"reply"} - OTP
        return min(unwanted, default="")


class TermsOf:
    """The terms of each line, made anew when its tenant's record has changed."""

    def __init__(self) -> None:
        self._known: dict[str, Terms] = {}

    def get(self, tenant: Tenant, line: Line) -> Terms:
        known = self._known.get(line.did)
        if known is None or known.tenant is not tenant or known.line is not line:
            known = self._known[line.did] = Terms(tenant, line)
        return known
