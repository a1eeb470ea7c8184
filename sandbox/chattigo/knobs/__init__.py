"""The knobs of the simulated Chattigo: every answer that nobody documents can be turned here, also while it runs.

Defaults are those that the evidence supports best, or the harsher ones where there is none; each knob declares its
question (Q1 to Q36) and its evidence, and `docs/reference/sandbox.md` lists them. Promises: a patch is applied whole or
not at all; an unknown name, a wrong type, a value out of bounds is an error that says which.
"""

from typing import Annotated, Any, Literal

import msgspec

from sandbox.chattigo.knobs.calls import Auth, Limits, Logins, Scheme, Wire
from sandbox.chattigo.knobs.declared import About, Probability, Range, Seconds, declared
from sandbox.chattigo.knobs.webhooks import Forms, Humans, People, Receipts, Webhooks

__all__ = [
    "Auth", "Forms", "Humans", "Knobs", "Limits", "Logins", "Media", "People", "Receipts", "Scheme", "Webhooks", "Wire",
    "declared", "merged", "own", "patch", "replace",
]  # fmt: skip

REQUIRED = ("did", "type", "channel", "hsm.template", "hsm.languageCode", "hsm.destinations")


class Media(msgspec.Struct, forbid_unknown_fields=True):
    """Files: those of customers, and those that messages link to."""

    download: Annotated[
        Literal["route", "url", "none"],
        About("Q17", "INVENTION", "customers' files: a route by their id; also a signed `url` in the message; neither"),
    ] = "route"
    refused: Annotated[
        dict[str, int], About("Q33", "META", "sends whose link is like this pattern fail later with that number")
    ] = {}
    failed: Annotated[Probability, About("Q33", "META", "links that fail by chance, later, with 131053")] = 0.0
    kinds: Annotated[bool, About("Q33", "META", "a link whose ending is of no kind that the type takes: 131053")] = (
        False
    )


class Knobs(msgspec.Struct, forbid_unknown_fields=True):
    """All knobs. Times in seconds, probabilities in 0..1."""

    auth: Auth = msgspec.field(default_factory=Auth)
    logins: Logins = msgspec.field(default_factory=Logins)
    receipts: Receipts = msgspec.field(default_factory=Receipts)
    webhooks: Webhooks = msgspec.field(default_factory=Webhooks)
    limits: Limits = msgspec.field(default_factory=Limits)
    wire: Wire = msgspec.field(default_factory=Wire)
    people: People = msgspec.field(default_factory=People)
    humans: Humans = msgspec.field(default_factory=Humans)
    media: Media = msgspec.field(default_factory=Media)
    latency_s: Annotated[Range, About("Q34", "GUESS", "every call waits so long before it is looked at")] = (0.0, 0.0)
    token_ttl_s: Annotated[Seconds, About("Q2", "DOC", "how long a token lives")] = 28800.0
    token_early_s: Annotated[
        Seconds, About("Q2", "GUESS", "a token is refused so long before its `exp`: two clocks")
    ] = 0.0
    expires_in: Annotated[bool, About("Q2", "LIVE", "a login's answer has `expires_in`")] = False
    single_session: Annotated[bool, About("Q3", "GUESS", "a login kills the account's older tokens")] = False
    unauthorized: Annotated[
        Literal["empty", "graph", "flat", "text"], About("Q5", "GUESS", "the body of a 401 for a token")
    ] = "empty"
    hsm_answer: Annotated[
        Literal["success", "empty", "results"],
        About("Q6", "CODE", 'the body for an accepted batch: `{"success": true}`, nothing, or a result for each'),
    ] = "success"
    hsm_partial: Annotated[
        Literal["async_only", "sync_partial", "sync_reject_all"],
        About("Q7", "CODE", "recipients known to be bad: fail later, are left out and told, spoil the batch"),
    ] = "async_only"
    hsm_bad: Annotated[
        Probability, About("Q7", "GUESS", "people whom no template reaches, known beforehand (131026)")
    ] = 0.0
    hsm_over: Annotated[Literal["reject", "truncate", "accept"], About("Q8", "GUESS", "more than 1000 recipients")] = (
        "reject"
    )
    hsm_none: Annotated[Literal["reject", "accept"], About("Q8", "GUESS", "no recipients")] = "reject"
    hsm_repeated: Annotated[Literal["twice", "once", "reject"], About("Q8", "GUESS", "one number twice in a batch")] = (
        "twice"
    )
    hsm_form: Annotated[Literal["nested", "root", "both"], About("Q9", "DOC", "where `destinations` stands")] = "nested"
    hsm_required: Annotated[tuple[str, ...], About("Q10", "DOC", "fields without which a batch is 400")] = REQUIRED
    hsm_type_alias: Annotated[bool, About("Q10", "GUESS", "`type` may be `template`")] = False
    hsm_unknown: Annotated[
        Literal["ignore", "400", "502"], About("Q10", "GUESS", "a batch with fields that nobody knows")
    ] = "ignore"
    hsm_id: Annotated[
        Literal["any", "int31", "int53", "text"],
        About("", "GUESS", "the width of the root `id`; `any` is up to 450 characters"),
    ] = "any"
    destination_ids: Annotated[
        bool, About("Q12", "DOC", "customer message ids are enabled; notifications carry them, not the root `id`")
    ] = True
    dedupe_s: Annotated[
        Seconds,
        About("Q12", "GUESS", "an `id` that comes again within so long is answered and not sent; 0: it is sent"),
    ] = 0.0
    window: Annotated[
        Literal["async", "sync", "never"], About("Q13", "META", "when a closed window of 24 h is told (131047)")
    ] = "async"
    templates: Annotated[
        Literal["async", "sync", "never"],
        About("Q13", "GUESS", "when a template that does not exist, is paused, or is filled in wrongly is told"),
    ] = "async"
    template_list: Annotated[
        Literal["flat", "groups"], About("Q13", "CODE", "`data` of the list of templates: each, or in groups by line")
    ] = "flat"
    registration_answer: Annotated[Literal["echo", "empty"], About("Q21", "CODE", "the body of a registration")] = (
        "echo"
    )
    allow_http: Annotated[bool, About("Q21", "SEED", "addresses without TLS are taken, for tests on one machine")] = (
        False
    )
    unknown_wa_id: Annotated[
        Literal[400, 404, 200], About("Q21", "GUESS", "registering a number that is not yours; 200 registers nothing")
    ] = 400
    registration_s: Annotated[Seconds, About("Q21", "GUESS", "a new address holds after so long")] = 0.0
    registration_taken: Annotated[
        Literal["replace", "refuse"], About("Q21", "CODE", "a number with an address gets another one; or 400")
    ] = "replace"
    foreign_did: Annotated[
        Literal["403", "401", "lost"],
        About("Q23", "GUESS", "a call for a number of another account; `lost` is 200 and nothing is delivered"),
    ] = "403"
    send_answer: Annotated[
        Literal["cloud", "empty", "no_content"],
        About("Q24", "CODE", "the answer of an ISV send: Meta's body, nothing, or 204"),
    ] = "cloud"
    send_error: Annotated[
        Literal["graph", "flat", "bare"],
        About("Q25", "META", "the error of an ISV send: Meta's object, Chattigo's own, the status alone"),
    ] = "graph"
    send_refused: Annotated[
        Probability, About("Q25", "META", "ISV sends that are refused by chance, in the answer")
    ] = 0.0
    send_refused_codes: Annotated[
        tuple[int, ...], About("Q25", "META", "with one of these numbers, and the status that Meta gives it")
    ] = (131000, 131016, 130429)
    inbound_unknown: Annotated[
        Literal["502", "503", "ignore"],
        About("Q27", "LIVE", "`channelProvider` or `stateAgent` in a legacy inbound"),
    ] = "502"
    opaque: Annotated[Literal["drop", "echo"], About("Q28", "GUESS", "`biz_opaque_callback_data` in receipts")] = "drop"
    number_forms: Annotated[
        bool, About("Q30", "META", "answers and receipts write numbers of Argentina, Mexico, Brazil in another form")
    ] = True
    flat_content_max: Annotated[
        int, msgspec.Meta(ge=1), About("Q32", "DOC", "characters of `content` on flat routes")
    ] = 3000
    echo: Annotated[bool, About("Q36", "LIVE", "a flat line hears what its bot said, as `OUTBOUND`")] = True
    channel_answer: Annotated[
        Literal["success", "empty"], About("", "DOC", "Webhook Chattigo always answers success; with a body or without")
    ] = "success"
    channel_strict: Annotated[
        bool, About("", "DOC", "it takes nothing but the documented types of fields; what is wrong is lost")
    ] = True


def patch(knobs: Knobs, changes: dict[str, Any]) -> None:
    """Change `knobs` in place by a nested object of new values; raises msgspec.ValidationError and changes
    nothing.
    """
    replace(knobs, merged(msgspec.to_builtins(knobs), changes))


def replace(knobs: Knobs, values: dict[str, Any]) -> None:
    """Set `knobs` to these values and the rest to the defaults, in place; raises msgspec.ValidationError and changes
    nothing.
    """
    new = msgspec.convert(values, Knobs)
    for name in Knobs.__struct_fields__:
        setattr(knobs, name, getattr(new, name))


def own(knobs: Knobs) -> dict[str, Any]:
    """What is not as by default, as a nested object."""
    return _difference(msgspec.to_builtins(Knobs()), msgspec.to_builtins(knobs))


def _difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict) and before:
            inner = _difference(before, value)
            found |= {name: inner} if inner else {}
        elif value != before:
            found[name] = value
    return found


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`old` with what `new` says: knob by knob, also inside an area; a knob that is an object is set as a whole."""
    both = dict(old)
    for name, value in new.items():
        inner = both.get(name)
        both[name] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
    return both
