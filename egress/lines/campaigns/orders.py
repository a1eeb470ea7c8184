"""Orders: what a person may want of a campaign. Each is acknowledged by the progress that follows it. Pure."""

from __future__ import annotations

from egress.lines.campaigns import stages
from egress.lines.campaigns.campaign import Campaign
from schemas.line_command import ControlCampaign


def carry_out(campaign: Campaign, order: ControlCampaign, now_ms: int) -> None:
    """From now on it holds: nothing is planned in between. One on a campaign that has ended changes nothing, but that
    one that is finished may be cancelled: WhatsApp may yet withhold somebody of it."""
    campaign.touched = True
    if not campaign.live:
        if order.action == "cancel" and campaign.state == "finished":
            cancel(campaign, f"by {order.by}")
        return
    if not campaign.begun:
        stages.begin(campaign, now_ms)
    by = f"by {order.by}"
    if order.action == "pause":
        campaign.state, campaign.why = "paused", by
    elif order.action == "cancel":
        cancel(campaign, by)
    elif campaign.state in ("paused", "draft"):
        stages.resumed(campaign, now_ms)
        campaign.why = by


def cancel(campaign: Campaign, why: str) -> None:
    """Nothing more of it is planned, ever; what was not is told."""
    total = campaign.contents.total if campaign.contents is not None else 0
    campaign.state, campaign.touched = "cancelled", True
    campaign.why = f"{why}: {campaign.left} of {total} recipients were not sent to"
    if campaign.withheld:
        campaign.why += f", {len(campaign.withheld)} whom WhatsApp withheld are not sent to again"
    campaign.drop_chunks()
