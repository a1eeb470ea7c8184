"""Planning: from items that may go and the channel they take to a plan and the call that follows it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from egress.lines.campaigns.recipients import Rows
from egress.lines.gate import routes
from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.work import Grant
from runtime.clock import Deadline
from runtime.settings import EgressSettings
from schemas import ids
from schemas.journal import Plan, PlannedMessage
from schemas.session import Template


def make_grant(
    partition: int, items: Sequence[Item], channel: routes.Channel, now: Now, settings: EgressSettings
) -> Grant:
    """The call for these items. Raises NotOnThisRoute when the account's service has no form for them."""
    first = items[0]
    messages = items.planned() if isinstance(items, Rows) else [_planned(item) for item in items]
    plan_id = ids.plan_id([message.id for message in messages], first.attempt, first.replay)
    root_id = routes.root_id(channel, plan_id)
    payload = routes.payload(channel, items, root_id)
    content = first.message.content
    plan = Plan(
        plan_id=plan_id,
        tenant=first.message.tenant,
        did=first.message.did,
        account=channel.account.key,
        route=channel.route,
        send_class=first.message.send_class,
        messages=messages,
        digest=payload.digest,
        deadline_ms=now.wall_ms + int(settings.plan_deadline_s * 1000),
        at_ms=now.wall_ms,
        attempt=first.attempt,
        resend_of=first.resend_of,
        resend_why=first.resend_why,
        template=content.name if isinstance(content, Template) else "",
        language=content.language if isinstance(content, Template) else "",
        spared=first.spared,
        campaign=first.campaign,
        root_id=str(root_id),
        retry_of=first.retry_of,
        replay=first.replay,
        first_attempt=first.first_attempt,
        part=first.part,
        failed=first.failed,
        fallback=first.message.fallback is not None and not isinstance(content, Template),
        lane=first.reply,
    )
    deadline = Deadline(plan.deadline_ms, now.s + settings.plan_deadline_s)
    return Grant(partition, plan, items, channel, payload, deadline)


def _planned(item: Item) -> PlannedMessage:
    return PlannedMessage(item.id, item.contact, item.message.to, *item.place)
