"""An order: which file goes to whom, on which lines, with which template and when; checked before anything is read.

Promises: the same file for the same tenant, lines and template makes the same id, so that a command that is given twice
is recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from egress.lines.gate.always import Always
from relevo.campaigns.form import Form, form_of
from relevo.campaigns.mapping import Mapping, Wanted, map_columns
from relevo.campaigns.numbers import Numbers
from relevo.campaigns.refused import SubmitError
from relevo.campaigns.rows import Table
from schemas import ids, keys
from schemas.campaign import Canary, Ramp, StopRule
from schemas.record import Frozen
from schemas.session import Template, TemplateButton
from schemas.tenant import Line, TemplateSpec, Tenant

REJECTED = ".rejected.csv"


class Terms(Frozen):
    """When and how a campaign goes out; times are milliseconds, 0: at once, never."""

    start_ms: int = 0
    expires_ms: int = 0
    draft: bool = False
    canary: Canary | None = None
    ramp: Ramp | None = None
    stop: StopRule = StopRule()
    name: str = ""
    by: str = ""


class Order(Frozen):
    """What a person asks for; rows that are left out are reported in the file `rejected`."""

    file: Path
    form: Form
    tenant: Tenant
    lines: list[Line]
    template: TemplateSpec
    mapping: Mapping
    campaign: str
    rejected: Path
    country: str = ""
    terms: Terms = Terms()
    check_numbers: bool = True

    def always(self, now_ms: int) -> Always:
        """What the gate would refuse of it at any time."""
        template = static(self.template)
        return Always(
            template, self.template.category, self.tenant, self.lines, now_ms, check_numbers=self.check_numbers
        )

    @property
    def table(self) -> Table:
        """The file's rows."""
        return Table(self.file, self.form)

    @property
    def numbers(self) -> Numbers:
        """How its numbers are read."""
        return Numbers(self.country)

    @property
    def dids(self) -> list[str]:
        return [line.did for line in self.lines]


def campaign_id(tenant: str, dids: Sequence[str], template: str, digest: str) -> str:
    """The same for the same bytes, lines and template: a campaign submitted twice by mistake is one."""
    return "c" + ids.digest("campaign-file", tenant, ",".join(sorted(dids)), template, digest)[:12]


def order(
    file: Path,
    tenant: Tenant,
    *,
    template: str,
    language: str,
    lines: Sequence[str] = (),
    all_lines: bool = False,
    campaign: str = "",
    wanted: Wanted | None = None,
    terms: Terms | None = None,
    encoding: str = "",
    delimiter: str = "",
    rejected: Path | None = None,
    check_numbers: bool = True,
) -> Order:
    """Checks the request against the tenant, the gate and the file's columns; SubmitError or MappingError."""
    chosen = _lines(tenant, lines, all_lines=all_lines)
    spec = tenant.template(template, language)
    if spec is None:
        listed = ", ".join(f"{one.name}/{one.language}" for one in tenant.templates)
        raise SubmitError(f"tenant {tenant.tenant} has no template {template}/{language}; it has {listed or 'none'}")
    wanted, terms = wanted or Wanted(), terms or Terms()
    _check_terms(terms)
    form = form_of(file, encoding=encoding, delimiter=delimiter)
    mapping = map_columns(Table(file, form).columns, spec, wanted)
    Numbers(wanted.country)
    name = campaign or campaign_id(tenant.tenant, [line.did for line in chosen], template, form.digest)
    _check_name(name)
    made = Order(
        file=file,
        form=form,
        tenant=tenant,
        lines=chosen,
        template=spec,
        mapping=mapping,
        campaign=name,
        rejected=rejected or file.with_name(file.name + REJECTED),
        country=wanted.country,
        terms=terms,
        check_numbers=check_numbers,
    )
    # Of all recipients it asks what no hour changes.
    if refusal := made.always(0).of_all():
        raise SubmitError(f"nobody could be sent to: {refusal.reason} ({refusal.code})")
    return made


def _lines(tenant: Tenant, wanted: Sequence[str], *, all_lines: bool) -> list[Line]:
    """The lines that are named; all that send templates; or the first of these."""
    able = [line for line in tenant.lines if line.templates]
    if all_lines and wanted:
        raise SubmitError("either some lines (--line) or all of them (--all-lines)")
    if not wanted:
        if not able:
            raise SubmitError(f"no line of tenant {tenant.tenant} has an account for templates")
        return able if all_lines else able[:1]
    chosen = []
    for did in dict.fromkeys(wanted):
        line = tenant.line(did)
        if line is None:
            listed = ", ".join(one.did for one in tenant.lines)
            raise SubmitError(f"tenant {tenant.tenant} has no line {did!r}; it has {listed or 'none'}")
        if not line.templates:
            raise SubmitError(f"line {did} has no account for templates (`templates:` in the tenant file)")
        chosen.append(line)
    return chosen


def _check_name(name: str) -> None:
    try:
        keys.join(name)
    except keys.KeyPartError as error:
        raise SubmitError(f"a campaign's id cannot be {name!r}: {error}") from error


def _check_terms(terms: Terms) -> None:
    if terms.expires_ms and terms.start_ms >= terms.expires_ms:
        raise SubmitError("the campaign would expire before it starts")
    if terms.canary is not None and terms.canary.count < 1:
        raise SubmitError("a canary has at least one recipient")
    if terms.ramp is not None and not all(0 < share <= 1 for share in terms.ramp.shares):
        raise SubmitError("the shares of a ramp are above 0 and at most 1, like 0.1,0.5")
    if not 0 <= terms.stop.failed_share <= 1:
        raise SubmitError("a share of failures is between 0 and 1, or 0% and 100%")
    if terms.stop.codes and not terms.stop.failed_share:
        raise SubmitError("codes to stop on need the share of failures to stop at (--stop-on)")


def static(spec: TemplateSpec) -> Template:
    """The template without any recipient's parameters."""
    return Template(
        name=spec.name,
        language=spec.language,
        namespace=spec.namespace,
        header_kind="text" if spec.header == "none" else spec.header,
        buttons=[TemplateButton(index=one.index, parameter="", kind=one.type) for one in spec.taking],
        bot_attention=spec.bot_attention,
    )
