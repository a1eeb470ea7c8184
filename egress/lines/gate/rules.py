"""Rules: what a line looks up to decide: settings, tenants, their policies and pauses, and how the accounts stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from egress.lines.gate.paid import Ledger
from egress.lines.gate.terms import TermsOf
from egress.lines.now import Now
from egress.lines.pace.accounts import Accounts
from runtime.pauses import Standing
from runtime.settings import EgressSettings
from schemas.journal import Plan
from schemas.line_state import LineState
from schemas.tenant import Account, Line, Tenant


class TenantsView(Protocol):
    """What egress needs of the read model of the tenants (`runtime.tenants.Tenants` has it)."""

    def tenant(self, name: str) -> Tenant | None: ...
    def line(self, did: str) -> Line | None: ...
    def owner(self, did: str) -> Tenant | None: ...


class PausesView(Protocol):
    """What egress needs of the standing pauses (`runtime.pauses.Pauses` has it)."""

    def __len__(self) -> int: ...
    def holding(self, tenant: str) -> list[str]: ...


class Resend(NamedTuple):
    """A class's policy for doubts: after so many seconds, so many times (0: never)."""

    after_s: float
    times: int


@dataclass(frozen=True)
class Rules:
    """Settings and tenants, and what follows from both. `accounts` are those of this process; `ledger` has what was
    paid today, by all lines that it has heard of."""

    settings: EgressSettings
    tenants: TenantsView
    accounts: Accounts = field(default_factory=Accounts)
    pauses: PausesView = field(default_factory=Standing)
    terms: TermsOf = field(default_factory=TermsOf)
    ledger: Ledger = field(default_factory=Ledger)

    def heard(self, state: LineState) -> None:
        """What a line's owner, here or elsewhere, says of itself."""
        self.ledger.heard(state.did, state.tenant, state.day, state.paid)

    def account(self, plan: Plan) -> Account | None:
        """The account that a plan was made for, as it is configured now."""
        tenant = self.tenants.tenant(plan.tenant)
        accounts = tenant.accounts.values() if tenant else ()
        return next((account for account in accounts if account.key == plan.account), None)

    def post_timeout_s(self, plan: Plan) -> float:
        """How long the plan's POST may take."""
        batch = plan.route == "batch"
        return self.settings.post_timeout_batch_s if batch else self.settings.post_timeout_reply_s

    def doubt_at(self, plan: Plan, now: Now) -> float:
        """When a plan without outcome that another process made is in doubt, on the clock of `Now.s`.

        Its deadline is of another's wall clock, and so may lie far ahead. Nobody waits longer than for a plan that
        was made just now: whoever made it holds its deadline on a clock that cannot be set, too.
        """
        deadline_s = min(now.at_ms(plan.deadline_ms), now.s + self.settings.plan_deadline_s)
        return deadline_s + self.post_timeout_s(plan) + self.settings.doubt_grace_s

    def resend(self, tenant: str, send_class: str) -> Resend:
        """The tenant's policy for doubts of a class: `policies: {reply: {resend_after_s: 60, times: 1}}`."""
        known = self.tenants.tenant(tenant)
        policy = known.policies.get(send_class) if known else None
        if not isinstance(policy, dict):
            return Resend(0, 0)
        after_s, times = policy.get("resend_after_s", 0), policy.get("times", 0)
        if not isinstance(after_s, int | float) or not isinstance(times, int):
            return Resend(0, 0)
        return Resend(max(float(after_s), self.settings.doubt_shortest_s), times)
