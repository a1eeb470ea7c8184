"""Knobs of what Chattigo sends to the ISV: receipts, webhooks, people, human agents."""

from typing import Annotated, Literal

import msgspec

from sandbox.chattigo.knobs.declared import About, Probability, Range, Seconds

Forms = Literal["flat", "cloud", "both", "none"]


class Receipts(msgspec.Struct, forbid_unknown_fields=True):
    """What becomes of an accepted send. Delays are seconds after the step before."""

    sent_s: Annotated[Range, About("Q16", "GUESS", "until `sent`")] = (0.05, 0.3)
    delivered_s: Annotated[Range, About("Q16", "GUESS", "until `delivered` or `failed`")] = (0.1, 0.6)
    read_s: Annotated[Range, About("Q16", "GUESS", "until `read`")] = (0.3, 2.0)
    read: Annotated[Probability, About("Q16", "GUESS", "sends that are read")] = 0.6
    failed: Annotated[Probability, About("Q16", "GUESS", "sends that fail by chance")] = 0.01
    failed_codes: Annotated[tuple[int, ...], About("Q16", "META", "with one of these numbers")] = (131026,)
    lost: Annotated[Probability, About("Q16", "GUESS", "receipts that never come")] = 0.005
    duplicate: Annotated[Probability, About("Q16", "META", "receipts that come twice")] = 0.01
    reorder: Annotated[Probability, About("Q16", "META", "sends whose last two receipts change places")] = 0.01
    skip_delivered: Annotated[Probability, About("Q16", "META", "read messages without `delivered`")] = 0.02
    before_answer: Annotated[Probability, About("Q16", "GUESS", "calls answered after the first receipt is out")] = 0.01
    hsm: Annotated[Forms, About("Q15", "GUESS", "form of the receipts of a batch")] = "flat"
    bot: Annotated[Forms, About("Q15", "GUESS", "form of the receipts of flat messages")] = "flat"
    array: Annotated[bool, About("Q15", "GUESS", "several flat receipts in one POST, as a list")] = False
    session_notice: Annotated[
        bool, About("Q29", "GUESS", "`SESSION` on a flat line when a window opens, by the id of the last template")
    ] = True


class Webhooks(msgspec.Struct, forbid_unknown_fields=True):
    """How Chattigo calls the ISV."""

    timeout_s: Annotated[Seconds, About("Q18", "GUESS", "how long it waits for an answer")] = 10.0
    retry_s: Annotated[tuple[Seconds, ...], About("Q18", "GUESS", "waits before each further attempt")] = (
        1.0,
        2.0,
        4.0,
    )
    max_age_s: Annotated[
        Seconds, About("Q18", "GUESS", "no attempt begins later than that after the first; 0: any")
    ] = 0
    acks: Annotated[Literal["200", "2xx"], About("Q18", "DOC", "which answers acknowledge")] = "200"
    duplicate: Annotated[Probability, About("Q19", "GUESS", "POSTs that are repeated though acknowledged")] = 0.01
    duplicate_s: Annotated[Range, About("Q19", "GUESS", "so much later")] = (0.05, 1.0)
    batch: Annotated[tuple[int, int], About("Q19", "META", "events in one POST of a cloud line, from and to")] = (1, 3)
    lanes: Annotated[int, msgspec.Meta(ge=1), About("Q19", "INVENTION", "POSTs of a line side by side")] = 4
    linger_s: Annotated[Seconds, About("Q19", "INVENTION", "a POST waits so long for company")] = 0.0
    auth: Annotated[Literal["none", "header", "bearer"], About("Q20", "GUESS", "how Chattigo shows who it is")] = "none"
    auth_header: Annotated[str, About("Q20", "INVENTION", "the header's name, with `header`")] = "X-Chattigo-Key"
    auth_value: Annotated[str, About("Q20", "INVENTION", "what it holds, or the bearer")] = "sandbox"
    source_ip: Annotated[str, About("Q20", "INVENTION", "the address that it calls from; empty: any of ours")] = ""
    customer_messages: Annotated[
        Literal["inbound", "outbound", "both"], About("Q22", "LIVE", "which registration gets customers' messages")
    ] = "inbound"
    receipts: Annotated[
        Literal["messages", "inbound", "outbound"],
        About("Q22", "META", "which registration gets receipts: that of the messages, or always this one"),
    ] = "messages"
    other_fields: Annotated[
        Probability,
        About("Q35", "GUESS", "POSTs of a cloud line with a change that is no message; above 0 also states"),
    ] = 0.0


class People(msgspec.Struct, forbid_unknown_fields=True):
    """What webhooks say of who writes."""

    bsuid: Annotated[bool, About("Q31", "META", "envelopes name people by a business-scoped id, too")] = False
    hidden: Annotated[Probability, About("Q31", "META", "people who show no number, only that id")] = 0.0
    from_form: Annotated[
        Literal["given", "short", "long"],
        About("Q30", "META", "the number of who writes, in Argentina, Mexico, Brazil: without or with its extra digit"),
    ] = "given"


class Humans(msgspec.Struct, forbid_unknown_fields=True):
    """The human desk."""

    auto: Annotated[bool, About("", "INVENTION", "somebody answers a transfer by himself, and gives it back")] = False
    says_s: Annotated[Seconds, About("", "INVENTION", "he answers after so long")] = 0.5
    returns_s: Annotated[Seconds, About("", "INVENTION", "and gives the chat back after so long")] = 1.5
    cloud: Annotated[
        Literal["none", "flat", "handover"],
        About("Q14", "GUESS", "what a cloud line hears of humans: nothing, flat objects, or a change of its own field"),
    ] = "none"
