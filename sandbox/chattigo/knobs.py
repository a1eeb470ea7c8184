"""The knobs of the simulated Chattigo: every answer that nobody documents can be turned here, also while it runs.

Defaults are those that the evidence supports best, or the harsher ones where there is none; `docs/sandbox.md`
lists which answers are assumptions and the question (Q1..Q36) that each knob stands for. Promises: a patch is
applied whole or not at all; an unknown name or a wrong type is an error that says which.
"""

from typing import Any, Literal

import msgspec

Scheme = Literal["raw", "bearer", "both"]
Range = tuple[float, float]


class Auth(msgspec.Struct, forbid_unknown_fields=True):
    """Which form of the Authorization header each group of routes takes (Q1)."""

    isv_send: Scheme = "raw"
    isv_register: Scheme = "raw"
    isv_inbound: Scheme = "both"
    hsm: Scheme = "bearer"
    bot: Scheme = "bearer"


class Receipts(msgspec.Struct, forbid_unknown_fields=True):
    """What becomes of an accepted send: delays are seconds after the step before; the rest are probabilities
    (Q15, Q16).
    """

    sent_s: Range = (0.05, 0.3)
    delivered_s: Range = (0.1, 0.6)
    read_s: Range = (0.3, 2.0)
    read: float = 0.6
    failed: float = 0.01
    failed_codes: tuple[int, ...] = (131026,)
    lost: float = 0.005
    duplicate: float = 0.01
    reorder: float = 0.01
    skip_delivered: float = 0.02
    before_answer: float = 0.01
    hsm: Literal["flat", "cloud", "both", "none"] = "flat"
    bot: Literal["flat", "none"] = "flat"
    array: bool = False
    session_notice: bool = True


class Webhooks(msgspec.Struct, forbid_unknown_fields=True):
    """How Chattigo calls the ISV (Q18, Q19, Q22). Only 200 acknowledges."""

    timeout_s: float = 10.0
    retry_s: tuple[float, ...] = (1.0, 2.0, 4.0)
    duplicate: float = 0.01
    duplicate_s: Range = (0.05, 1.0)
    batch: tuple[int, int] = (1, 3)
    lanes: int = 4
    linger_s: float = 0.0
    customer_messages: Literal["inbound", "outbound", "both"] = "inbound"


class Humans(msgspec.Struct, forbid_unknown_fields=True):
    """The human desk: with `auto` it answers a transfer by itself after `says_s` and gives the chat back after
    `returns_s`.
    """

    auto: bool = False
    says_s: float = 0.5
    returns_s: float = 1.5


class Limits(msgspec.Struct, forbid_unknown_fields=True):
    """What WhatsApp and Chattigo let through (Q11, Q26); a rate of 0 and a probability of 0 are no limit.

    `line_per_s`: messages a second of a line; what comes faster stands in a queue, and what would stand there for more
    than `line_queue_s` meets 130429. `pair_s`: one message to one person in so many seconds after `pair_burst`, else
    131056. Both are told a batch by receipts alone, a single message as `answer` says: a Graph error (429 on flat
    routes) or a receipt. `calls_per_s`: calls of an account after `calls_burst`, else `calls_status`. `withheld`: share
    of marketing templates that meet 131049; `opted_out`: share of people whom they meet 131050; `restricted`: lines
    all of whose templates meet 131048.
    """

    line_per_s: float = 0.0
    line_queue_s: float = 15.0
    pair_s: float = 0.0
    pair_burst: int = 45
    answer: Literal["error", "receipt"] = "error"
    error_status: Literal[400, 429] = 400
    calls_per_s: float = 0.0
    calls_burst: int = 20
    calls_status: Literal[429, 503] = 429
    retry_after: Literal["absent", "seconds", "date"] = "absent"
    withheld: float = 0.0
    opted_out: float = 0.0
    restricted: tuple[str, ...] = ()


class Knobs(msgspec.Struct, forbid_unknown_fields=True):
    """All knobs. Times in seconds, probabilities in 0..1."""

    auth: Auth = msgspec.field(default_factory=Auth)
    receipts: Receipts = msgspec.field(default_factory=Receipts)
    webhooks: Webhooks = msgspec.field(default_factory=Webhooks)
    limits: Limits = msgspec.field(default_factory=Limits)
    humans: Humans = msgspec.field(default_factory=Humans)
    latency_s: Range = (0.0, 0.0)
    token_ttl_s: float = 28800.0
    expires_in: bool = False
    single_session: bool = False
    hsm_answer: Literal["success", "empty"] = "success"
    hsm_form: Literal["nested", "root", "both"] = "nested"
    hsm_type_alias: bool = False
    hsm_id: Literal["any", "int31", "int53", "text"] = "any"
    destination_ids: bool = True
    send_answer: Literal["cloud", "empty", "no_content"] = "cloud"
    foreign_did: Literal["403", "401", "lost"] = "403"
    window: Literal["async", "sync", "never"] = "async"
    number_forms: bool = True
    echo: bool = True
    allow_http: bool = False
    registration_answer: Literal["echo", "empty"] = "echo"
    unknown_wa_id: Literal[400, 404, 200] = 400
    opaque: Literal["drop", "echo"] = "drop"
    flat_content_max: int = 3000


def patch(knobs: Knobs, changes: dict[str, Any]) -> None:
    """Change `knobs` in place by a nested object of new values; raises msgspec.ValidationError and changes
    nothing.
    """
    merged = msgspec.convert(_merge(msgspec.to_builtins(knobs), changes), Knobs)
    for name in Knobs.__struct_fields__:
        setattr(knobs, name, getattr(merged, name))


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for name, value in new.items():
        inner = both.get(name)
        both[name] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both
