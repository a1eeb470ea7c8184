"""Knobs of calls into Chattigo: authorization, logins, limits, and what happens on the wire."""

from typing import Annotated, Literal

import msgspec

from sandbox.chattigo.knobs.declared import About, Probability, Rate, Seconds

Scheme = Literal["raw", "bearer", "both"]


class Auth(msgspec.Struct, forbid_unknown_fields=True):
    """Which form of the Authorization header each group of routes takes; the other form is refused with 401."""

    isv_send: Annotated[Scheme, About("Q1", "LIVE", "sends of the ISV service, and media")] = "raw"
    isv_register: Annotated[Scheme, About("Q1", "LIVE", "registrations")] = "raw"
    isv_inbound: Annotated[Scheme, About("Q1", "LIVE", "the legacy flat inbound")] = "both"
    hsm: Annotated[Scheme, About("Q1", "DOC", "the HSM service")] = "bearer"
    bot: Annotated[Scheme, About("Q1", "DOC", "the API Bot")] = "bearer"
    channel: Annotated[Scheme, About("Q1", "DOC", "Webhook Chattigo, for external channels")] = "bearer"


class Logins(msgspec.Struct, forbid_unknown_fields=True):
    """How often an account may log in; good and bad logins count alike."""

    per_minute: Annotated[Rate, About("Q4", "GUESS", "logins a minute of one account; 0 is no limit")] = 0.0
    status: Annotated[Literal[429, 401, 403, 503], About("Q4", "GUESS", "the answer to one too many")] = 429
    lock_s: Annotated[Seconds, About("Q4", "GUESS", "one too many locks the account's logins for so long")] = 0.0


class Limits(msgspec.Struct, forbid_unknown_fields=True):
    """What WhatsApp and Chattigo let through; a rate of 0 and a probability of 0 are no limit."""

    line_per_s: Annotated[Rate, About("Q11", "GUESS", "messages a second of a line; WhatsApp's own is 80")] = 0.0
    line_queue_s: Annotated[
        Seconds, About("Q11", "GUESS", "what would stand in the line's queue for longer meets 130429")
    ] = 15.0
    pair_s: Annotated[
        Seconds, About("Q11", "GUESS", "one message to one person in so many seconds, else 131056; WhatsApp's own is 6")
    ] = 0.0
    pair_burst: Annotated[
        int, msgspec.Meta(ge=1), About("Q11", "META", "so many to one person at once before that holds")
    ] = 45
    answer: Annotated[
        Literal["error", "receipt"], About("Q11", "GUESS", "how a single message over a limit is told")
    ] = "error"
    error_status: Annotated[Literal[400, 429], About("Q26", "META", "the status of a Graph error of throttling")] = 400
    calls_per_s: Annotated[Rate, About("Q11", "GUESS", "calls a second")] = 0.0
    calls_burst: Annotated[int, msgspec.Meta(ge=1), About("Q11", "GUESS", "calls at once before that holds")] = 20
    calls_by: Annotated[Literal["account", "line", "route"], About("Q11", "GUESS", "what calls are counted for")] = (
        "account"
    )
    calls_status: Annotated[
        Literal[429, 503, 200],
        About("Q11", "GUESS", "the answer to one call too many; 200 accepts it, and its messages meet 130429"),
    ] = 429
    retry_after: Annotated[
        Literal["absent", "seconds", "date"], About("Q11", "GUESS", "`Retry-After` of such an answer")
    ] = "absent"
    withheld: Annotated[Probability, About("", "META", "share of marketing templates that meet 131049")] = 0.0
    opted_out: Annotated[
        Probability, About("", "META", "share of people all of whose marketing templates meet 131050")
    ] = 0.0
    restricted: Annotated[tuple[str, ...], About("", "META", "lines all of whose templates meet 131048")] = ()


class Wire(msgspec.Struct, forbid_unknown_fields=True):
    """Misfortunes of calls by chance; those at a chosen call are faults of the control API."""

    errors: Annotated[Probability, About("Q34", "GUESS", "calls that are answered with an error, not accepted")] = 0.0
    statuses: Annotated[tuple[int, ...], About("Q34", "GUESS", "one of these, by chance")] = (500, 502, 503)
    after: Annotated[Probability, About("Q34", "GUESS", "calls that are accepted, and answered 500 all the same")] = 0.0
    reset_before: Annotated[Probability, About("Q34", "GUESS", "calls that are reset, not accepted")] = 0.0
    reset_after: Annotated[Probability, About("Q34", "GUESS", "calls that are accepted, then reset")] = 0.0
    slow: Annotated[Probability, About("Q34", "GUESS", "calls whose answer's body comes in pieces")] = 0.0
    slow_s: Annotated[Seconds, About("Q34", "GUESS", "over so long")] = 1.0
    burst_each_s: Annotated[Seconds, About("Q34", "GUESS", "the service breaks down once in so long; 0: never")] = 0.0
    burst_s: Annotated[Seconds, About("Q34", "GUESS", "for so long")] = 2.0
    burst_status: Annotated[int, About("Q34", "GUESS", "and answers so, accepting nothing")] = 503
