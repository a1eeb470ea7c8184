"""Accounts: how many calls each may begin now, by its circuit and by its fair share of the worker's calls.

Promises: one account never has more calls under way than its share, so that calls that hang leave room for others;
while its circuit is open it begins none. Of this process alone: other workers see for themselves. Leaves to the lines:
what waits meanwhile, and that nothing of it is lost. What changes is logged and counted.
"""

from __future__ import annotations

from collections import Counter

from egress.chattigo.result import CallResult
from egress.lines.pace.circuit import Circuit, Pace, State, sign_of
from runtime import logs, metrics
from runtime.settings import EgressSettings

_SHOWN: dict[State, int] = {"closed": 0, "half_open": 1, "open": 2}
_log = logs.get(__name__)


def calls_max(settings: EgressSettings) -> int:
    """An account's share of the worker's calls, but not less than one line may have."""
    share = max(settings.line_parallel, int(settings.calls_parallel * settings.account_share))
    return min(settings.calls_parallel, share)


class Accounts:
    """The accounts that this worker calls, by key. Seconds are those of `Now.s`."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._circuits: dict[str, Circuit] = {}

    def room(self, account: str, now_s: float, settings: EgressSettings) -> int:
        """How many calls the account may begin now."""
        if self.opens_at(account, settings) > now_s:
            return 0
        return 1 if self.probing(account) else calls_max(settings) - self._calls[account]

    def opens_at(self, account: str, settings: EgressSettings) -> float:
        """When the account may begin a call: in the past for now, infinity for when one of its calls has ended."""
        if self._calls[account] >= calls_max(settings):
            return float("inf")
        circuit = self._circuits.get(account)
        return circuit.opens_at() if circuit is not None else float("-inf")

    def probing(self, account: str) -> bool:
        """Whether the account's next call is a probe, and should be a cheap one."""
        circuit = self._circuits.get(account)
        return circuit is not None and not circuit.closed

    def began(self, account: str, plan_id: str) -> None:
        """A call is granted."""
        self._calls[account] += 1
        if (circuit := self._circuits.get(account)) is not None:
            circuit.began(plan_id)

    def ended(self, account: str, plan_id: str, result: CallResult, now_s: float, settings: EgressSettings) -> None:
        """What became of a call that was granted."""
        self._calls[account] -= 1
        if self._calls[account] <= 0:
            del self._calls[account]
        sign = sign_of(result)
        if account not in self._circuits and not sign.unwell:
            return
        circuit = self._circuits.setdefault(account, Circuit())
        pace = Pace(settings.circuit_failures, settings.circuit_pause_s, settings.circuit_pause_max_s)
        if circuit.ended(plan_id, sign, now_s, pace):
            self._tell(account, circuit)
        self._show(account, circuit, now_s)

    def report(self, now_s: float) -> None:
        """Shows how the circuits stand; by time alone one becomes half-open."""
        for account, circuit in self._circuits.items():
            self._show(account, circuit, now_s)

    def _show(self, account: str, circuit: Circuit, now_s: float) -> None:
        metrics.gauge(metrics.EGRESS_CIRCUIT).labels(account=account).set(_SHOWN[circuit.state(now_s)])

    def _tell(self, account: str, circuit: Circuit) -> None:
        if circuit.closed:
            _log.info("an account's circuit is closed: its service is well again", account=account)
            return
        metrics.counter(metrics.EGRESS_CIRCUIT_OPENED).labels(account=account, reason=circuit.reason).inc()
        _log.warning(
            "an account's circuit is open: its messages wait",
            account=account,
            reason=circuit.reason,
            pause_s=circuit.pause_s,
        )
