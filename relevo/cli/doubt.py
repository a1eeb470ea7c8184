"""`relevo doubt`: calls whose fate nobody knows: what is on record, what will happen, and a person's decision."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Annotated, NoReturn

import msgspec
import typer

from egress.lines.gate.rules import Rules
from egress.lines.memory.entry import Entry
from egress.lines.memory.firmness import DROPPED, RESEND_ORDERED, RESEND_REFUSED
from egress.lines.results.verdicts import POLICY_500
from relevo import doubts
from relevo.cli.console import err, fail, say, who
from relevo.cli.span import moment, span
from relevo.doubts import Action, Chain, Doubt, DoubtError
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.settings import EgressSettings, KafkaSettings, load
from schemas.journal import Plan
from schemas.outcome import Outcome, merge
from schemas.record import Frozen

app = typer.Typer(help="Calls that may or may not have reached people.", no_args_is_help=True)

SHOWN = 20
_RECEIPTS = ("sent", "delivered", "read", "failed")
PlanId = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's id, as `relevo doubt ls` shows it.")]
Why = Annotated[str, typer.Option(help="The reason, kept with the order.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Within = Annotated[float, typer.Option("--wait", min=1, help="Seconds to wait until it is carried out.")]


class Row(Frozen):
    """One doubt as `ls --json` prints it; `next` is what happens by itself (a kind of `relevo.doubts.Coming`)."""

    plan: str
    at_ms: int
    age_s: int
    tenant: str
    line: str
    send_class: str = msgspec.field(name="class")
    template: str
    campaign: str
    recipients: int
    attempt: int
    status: int
    code: str
    reason: str
    next: str


@app.command("ls")
def list_doubts(
    tenant: Annotated[str, typer.Option(help="Only this tenant's.")] = "",
    line: Annotated[str, typer.Option(metavar="DID", help="Only this number's; reads one partition.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Calls in doubt now, oldest first."""
    settings, now = load(KafkaSettings), now_ms()
    rules = _rules(settings)
    journal = doubts.read_journal(settings, line, now)
    rows = [
        _row(doubt, rules, now)
        for doubt in journal.doubts(rules)
        if tenant in ("", doubt.entry.plan.tenant) and line in ("", doubt.entry.plan.did)
    ]
    _warn_unreadable(journal.unreadable)
    if as_json:
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
    elif rows:
        for row in rows:
            _say_row(row)
        recipients = people(sum(row.recipients for row in rows))
        say(f"{len(rows)} call{'' if len(rows) == 1 else 's'} in doubt, {recipients}; see: relevo doubt show PLAN")
    else:
        say("no call is in doubt")


def _row(doubt: Doubt, rules: Rules, now: int) -> Row:
    plan, outcome = doubt.entry.plan, doubt.entry.outcome
    return Row(
        plan=plan.plan_id,
        at_ms=plan.at_ms,
        age_s=(now - plan.at_ms) // 1000,
        tenant=plan.tenant,
        line=plan.did,
        send_class=plan.send_class,
        template=plan.template,
        campaign=plan.campaign,
        recipients=len(doubt.left),
        attempt=plan.attempt,
        status=outcome.status if outcome else 0,
        code=outcome.code if outcome else "no_outcome",
        reason=outcome.reason if outcome else "no outcome is on record yet",
        next=doubts.coming(doubt.entry, rules, now).kind,
    )


def _say_row(row: Row) -> None:
    """A call in a line, as wide as it is: a table would break a plan's id to pieces on a narrow screen."""
    what = " ".join(filter(None, (row.send_class, row.template, row.campaign and f"campaign {row.campaign}")))
    why = " ".join(filter(None, (str(row.status or ""), row.code, row.reason)))
    line = f"{row.plan}  {span(row.age_s * 1000)}  {row.tenant}  {row.line}  {what}  {people(row.recipients)}"
    say(f"{line}  next: {row.next}  {why}")


@app.command()
def show(
    plan_id: PlanId,
    contacts: Annotated[bool, typer.Option("--contacts", help="Also the recipients' numbers.")] = False,
    every: Annotated[bool, typer.Option("--all", help=f"Every message, not the first {SHOWN}.")] = False,
) -> None:
    """All that is on record of a call, what will happen by itself, and what you can do."""
    settings, now = load(KafkaSettings), now_ms()
    rules, chain = _rules(settings), _chain(settings, plan_id)
    is_now = doubts.standing(chain.book, chain.entry, rules, now)
    _say_plan(chain.plan, now)
    _say_attempts(chain)
    _say_messages(chain.plan, doubts.public_record(settings, chain), contacts=contacts, every=every)
    for given in doubts.orders(settings, chain.plan):
        why = f": {given.why}" if given.why else ""
        say(f"order: {given.order.action} by {given.order.by} at {moment(given.order.at_ms)}{why}")
    _warn_unreadable(chain.unreadable)
    for sentence in prospects(chain, rules, now):
        say(sentence)
    if is_now in ("in_doubt", "undeclared"):
        _say_choices(chain)


def _say_plan(plan: Plan, now: int) -> None:
    campaign = f", campaign {plan.campaign}" if plan.campaign else ""
    template = f", template {plan.template}" if plan.template else ""
    say(f"plan {plan.plan_id} of tenant {plan.tenant}, line {plan.did}, by account {plan.account}")
    say(f"{plan.send_class}{template}{campaign}, {people(len(plan.messages))}, {plan.route} call", "bold")
    say(f"planned {moment(plan.at_ms)}, {span(now - plan.at_ms)} ago")


def _say_attempts(chain: Chain) -> None:
    for entry in chain.attempts:
        this = " (this)" if entry is chain.entry else ""
        say(f"attempt {entry.plan.attempt}{this}: {told(entry)}")


def told(entry: Entry) -> str:
    """One attempt in a line: when, why it was made, and what became of it."""
    plan, outcome = entry.plan, entry.outcome
    text = f"plan {plan.plan_id}, {moment(plan.at_ms)}, {people(len(plan.messages))}"
    if plan.resend_of:
        text += f", resend of {plan.resend_of} ({plan.resend_why})"
    if plan.replay:
        text += f", put back by run {plan.replay}"
    if outcome is None:
        return f"{text}: no outcome on record"
    details = " ".join(filter(None, (str(outcome.status or ""), outcome.code, outcome.reason)))
    return f"{text}: {outcome.result} {moment(outcome.at_ms)}{f' ({details})' if details else ''}"


def _say_messages(plan: Plan, said: list[Outcome], *, contacts: bool, every: bool) -> None:
    states: dict[str, str] = {}
    receipts: dict[str, list[str]] = {}
    for outcome in said:
        for message_id in outcome.message_ids:
            states[message_id] = merge(states.get(message_id), outcome.state)
            if outcome.state in _RECEIPTS:
                code = f" {outcome.code}" if outcome.code else ""
                receipts.setdefault(message_id, []).append(f"{outcome.state}{code} {moment(outcome.at_ms)}")
    counts = Counter(states.get(message.id, "nothing said") for message in plan.messages)
    say("on outcomes: " + ", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    shown = plan.messages if every else plan.messages[:SHOWN]
    for message in shown:
        contact = f" to {message.contact}" if contacts else ""
        seen = "; ".join(receipts.get(message.id, ["no receipt"]))
        say(f"  message {message.id}{contact}: {states.get(message.id, 'nothing said')}; {seen}")
    if len(shown) < len(plan.messages):
        say(f"  and {len(plan.messages) - len(shown)} more; see them with --all")


def prospects(chain: Chain, rules: Rules, now: int) -> list[str]:
    """In plain words what a plan is now and what will happen by itself."""
    is_now = doubts.standing(chain.book, chain.entry, rules, now)
    if is_now not in ("in_doubt", "undeclared"):
        return [f"not in doubt: {verdict(chain, rules, now)}"]
    return [
        f"in doubt: {people(len(chain.left))} may have it or not",
        _receipts_settle(chain.plan),
        _by_itself(chain.entry, rules, now),
    ]


def _receipts_settle(plan: Plan) -> str:
    if plan.route == "batch" and len(plan.messages) > 1:
        return (
            "by itself: a receipt of any one recipient settles the whole call, for Chattigo takes a batch whole or not"
        )
    return "by itself: a receipt settles it"


def _by_itself(entry: Entry, rules: Rules, now: int) -> str:
    ahead = doubts.coming(entry, rules, now)
    if ahead.kind == "declared":
        return (
            f"by itself: the call must have ended by {moment(ahead.at_ms)}; the line's egress worker then says that "
            "it is in doubt, and that it has not means that none owns the line now"
        )
    if ahead.kind == "ordered":
        return f"by itself: a person ordered at {moment(ahead.at_ms)} that it is sent again, and it will be"
    if ahead.kind == "refused":
        return f"by itself: nothing else; a resend was refused ({ahead.why}), so no policy tries again"
    if ahead.kind == "nothing":
        return f"by itself: nothing else; the tenant has no policy that resends {entry.plan.send_class} once more"
    left_ms = ahead.at_ms - now
    when = f"in {span(left_ms)}" if left_ms >= 1000 else "now that it is due, once its egress worker runs"
    flows = "" if ahead.why == POLICY_500 else ", if receipts of the line's other sends arrive or it made none"
    return f"by itself: sent again {when} ({moment(ahead.at_ms)}) as {ahead.why}{flows}"


def verdict(chain: Chain, rules: Rules, now: int) -> str:
    """What a plan is that is not in doubt."""
    plan, outcome = chain.plan, chain.entry.outcome
    is_now = doubts.standing(chain.book, chain.entry, rules, now)
    if is_now == "under_way":
        due = doubts.coming(chain.entry, rules, now).at_ms
        return f"its call may still be under way, and is in doubt only if nothing is known at {moment(due)}"
    if is_now == "resent":
        latest = {place.entry.plan.plan_id for m in plan.messages if (place := chain.book.latest(m.id))}
        return f"its messages were sent again by plan {', '.join(sorted(latest))}; look at that"
    assert outcome is not None
    if outcome.code == DROPPED:
        return f"a person dropped it at {moment(outcome.at_ms)}"
    code = f", {outcome.code}" if outcome.code else ""
    return f"it is {outcome.result} since {moment(outcome.at_ms)}{code}"


def _say_choices(chain: Chain) -> None:
    left, plan_id = len(chain.left), chain.plan.plan_id
    say(f'you can: relevo doubt resend {plan_id} --why "…"   sends it to {people(left)} who may have it already')
    say(f'         relevo doubt drop {plan_id} --why "…"     never sends it again; its outcome will be dead, dropped')


@app.command()
def resend(plan_id: PlanId, why: Why, yes: Yes = False, within_s: Within = 30) -> None:
    """Order that a call in doubt is made again, on record. People may get it twice, and it may be paid for twice."""
    settings = load(KafkaSettings)
    chain = _decidable(settings, plan_id, why, within_s)
    left = len(chain.left)
    err.print(f"{people(left)} may get it a second time, and each may be paid for twice", style="yellow")
    _order(settings, chain, "resend", why, yes=yes)
    before, heard = {plan.plan_id for plan in chain.resends}, len(chain.heard)

    def made() -> list[str]:
        return [plan.plan_id for plan in chain.resends if plan.plan_id not in before]

    def codes() -> list[str]:
        return [outcome.code for outcome in chain.heard[heard:]]

    doubts.wait(chain, lambda: bool(made()) or not chain.entry.open or RESEND_REFUSED in codes(), within_s)
    if made():
        say(f"sent again as plan {', '.join(made())}; see: relevo doubt show {plan_id}")
    elif not chain.entry.open:
        _ended(chain)
    elif RESEND_REFUSED in codes():
        fail(f"the resend was refused: {chain.heard[-1].reason}; the plan stays in doubt. You can drop it")
    elif RESEND_ORDERED in codes():
        fail(
            f"the order is on record, but the call was not planned within {within_s:g} s: the line may be paused or "
            f"at its pace, or the message no longer kept. It needs no second order; see: relevo doubt show {plan_id}"
        )
    else:
        _unanswered(chain, within_s)


@app.command()
def drop(plan_id: PlanId, why: Why, yes: Yes = False, within_s: Within = 30) -> None:
    """Order that a call in doubt is never made again; its messages end as `dead`."""
    settings = load(KafkaSettings)
    chain = _decidable(settings, plan_id, why, within_s)
    left, everybody = len(chain.left), len(chain.plan.messages)
    err.print(f"{people(left)} will not be sent it again, whether they have it or not", style="yellow")
    if left < everybody:
        err.print(f"{everybody - left} others were taken up by a later attempt, which goes on", style="yellow")
    _order(settings, chain, "drop", why, yes=yes)
    if not doubts.wait(chain, lambda: not chain.entry.open, within_s):
        _unanswered(chain, within_s)
    _ended(chain)


def _decidable(settings: KafkaSettings, plan_id: str, why: str, within_s: float) -> Chain:
    """The plan, once its line's owner knows that it is in doubt: an order before that waits for it, but nobody could
    say yet whether there is anything to decide."""
    if not why.strip():
        fail("--why must say why: it is kept with the order", 2)
    rules, chain = _rules(settings), _chain(settings, plan_id)
    if doubts.standing(chain.book, chain.entry, rules, now_ms()) == "undeclared":
        err.print("no egress worker has declared it in doubt yet; waiting for one", style="yellow")
        doubts.wait(chain, lambda: chain.entry.outcome is not None, within_s)
    is_now = doubts.standing(chain.book, chain.entry, rules, now_ms())
    if is_now == "undeclared":
        fail(
            f"no egress worker answered within {within_s:g} s, and nothing was ordered: line {chain.plan.did} has no "
            "owner, or it is still recovering. Start one (relevo serve egress) and order it again"
        )
    if is_now != "in_doubt":
        fail(f"plan {plan_id} is not in doubt: {verdict(chain, rules, now_ms())}; nothing was ordered")
    return chain


def _order(settings: KafkaSettings, chain: Chain, action: Action, why: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(f"{action} plan {chain.plan.plan_id}?"):
        fail("nothing was ordered")
    doubts.write(settings, doubts.order_record(settings, chain.plan, action, who(), why.strip(), now_ms()))


def _ended(chain: Chain) -> None:
    """The plan has an end on record: the one that was ordered, or one that came first."""
    outcome = chain.entry.outcome
    if outcome is not None and outcome.code == DROPPED:
        left = chain.left
        say(f"dropped: {people(len(left))}; see: relevo doubt show {chain.plan.plan_id}")
    elif outcome is not None:
        say(f"nothing to do any more: meanwhile it is {outcome.result} ({outcome.reason or outcome.code})")


def _unanswered(chain: Chain, within_s: float) -> NoReturn:
    fail(
        f"no egress worker answered within {within_s:g} s: line {chain.plan.did} has no owner, or it is still "
        "recovering. The order stands on lines.commands and is carried out once one owns the line (relevo serve "
        "egress); it needs no second one"
    )


def _rules(settings: KafkaSettings) -> Rules:
    """The rules of the lines' owners, as far as this process has their settings."""
    return Rules(load(EgressSettings), doubts.Directory(read_tenants(settings)))


def _chain(settings: KafkaSettings, plan_id: str) -> Chain:
    try:
        return Chain(settings, doubts.find(settings, plan_id)).read()
    except DoubtError as unknown:
        fail(str(unknown))


def _warn_unreadable(count: int) -> None:
    if count:
        err.print(f"{count} records of the journal cannot be read and are not counted here", style="yellow")


def people(count: int) -> str:
    """`1 recipient`, `2 recipients`."""
    return f"{count} recipient{'' if count == 1 else 's'}"
