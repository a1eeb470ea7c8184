"""What the network is like between the two sides of a proxy, and what it did so far. Plain data.

`up` is from who called towards who is called, `down` the way back.
"""

from typing import Annotated, Literal

import msgspec

Swallow = Literal["", "up", "down", "both"]
Way = Literal["up", "down"]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=600)]


class Weather(msgspec.Struct, forbid_unknown_fields=True):
    """How a proxy treats all of its connections, from now on.

    `latency_s` each way; `bytes_per_s` (0: no limit) of all connections together, each way; `swallow`: what goes this
    way is taken and never arrives, while connections stay open; `refuse`: nobody listens.
    """

    latency_s: Seconds = 0.0
    bytes_per_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    swallow: Swallow = ""
    refuse: bool = False

    def swallows(self, way: Way) -> bool:
        """Whether what goes this way is lost."""
        return self.swallow in (way, "both")


class Counts(msgspec.Struct):
    """What a proxy did. `cut` are connections that it ended on an order or by a trap; `unreached` those that
    came while nobody listened behind it; `late` pieces that it held back, by `latency_s` or `bytes_per_s`."""

    accepted: int = 0
    open: int = 0
    cut: int = 0
    unreached: int = 0
    late: int = 0
    sprung: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    swallowed_up: int = 0
    swallowed_down: int = 0

    def passed(self, way: Way, size: int) -> None:
        """So many bytes arrived."""
        if way == "up":
            self.bytes_up += size
        else:
            self.bytes_down += size

    def lost(self, way: Way, size: int) -> None:
        """So many bytes were swallowed."""
        if way == "up":
            self.swallowed_up += size
        else:
            self.swallowed_down += size
