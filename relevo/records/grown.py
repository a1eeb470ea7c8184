"""Values and types that came after a version which is kept, and what its readers make of them.

A value that an older reader does not know makes the whole record unreadable to it. So each says who must be upgraded
first, or why nothing of the kind is written while the older version runs.
"""

from __future__ import annotations

from collections.abc import Mapping

GROWN: Mapping[tuple[str, str], str] = {
    ("InboundEvent.kind", "opted_out"): "to an older agent or tap a dead letter: upgrade agents before conversations",
    ("InboundEvent.kind", "opted_in"): "to an older agent or tap a dead letter: upgrade agents before conversations",
    ("Place.path", "array"): "an older menu begins its dialogue anew where a person is inside a called node",
    ("Parked.kind", "urgent"): "an older egress takes it for bulk: a parked one-time password waits among campaigns",
}
"""By struct and field (or thing), and value (or tag, or what stands in JSON). Of the last version that is kept alone:
what no version beside the present one needs to know is taken out."""
