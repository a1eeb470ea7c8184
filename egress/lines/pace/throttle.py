"""The throttle of a line: how much of its configured rate it uses, by what WhatsApp says of it. Pure.

Additive increase, multiplicative decrease: a sign of "too fast" cuts the share, at most once a window, and not for a
call that was planned before the last cut: one batch's hundred receipts are one sign. Then the share grows back with
time. Leaves to `pacing` what a rate means, to `signals` what is a sign.
"""

from __future__ import annotations

from typing import NamedTuple

from runtime.settings import EgressSettings


class Aimd(NamedTuple):
    """A sign multiplies the share by `cut`, once in `window_s` and not below `floor`; `grow` is added a second."""

    cut: float
    floor: float
    grow: float
    window_s: float

    @classmethod
    def of(cls, settings: EgressSettings) -> Aimd:
        return cls(settings.throttle_cut, settings.throttle_floor, settings.throttle_grow, settings.throttle_window_s)


class Throttle:
    """The share of one line, from `floor` to 1."""

    def __init__(self, aimd: Aimd) -> None:
        self._aimd = aimd
        self._share = 1.0
        self._at_s = float("-inf")

    def share(self, now_s: float) -> float:
        """How much of the line's rate it uses now."""
        if self._share >= 1:
            return 1.0
        return min(1.0, self._share + max(0.0, now_s - self._at_s) * self._aimd.grow)

    def too_fast(self, planned_s: float, now_s: float) -> bool:
        """A call that was planned then was too fast; whether the share is cut for it."""
        if planned_s < self._at_s or now_s < self._at_s + self._aimd.window_s:
            return False
        self._set(self.share(now_s) * self._aimd.cut, now_s)
        return True

    def restore(self, share: float, at_s: float) -> None:
        """What another owner had it at, at that moment; it has grown since."""
        self._set(share, at_s)

    def _set(self, share: float, at_s: float) -> None:
        self._share, self._at_s = min(1.0, max(self._aimd.floor, share)), at_s
