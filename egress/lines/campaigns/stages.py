"""Stages: when a campaign begins, goes from canary to ramp to full, or pauses by itself. Pure, over explicit wall time.

```
canary ──n planned──▶ judging ──enough heard of──▶ ramp ──each step──▶ full
                         └──nothing heard in time──▶ paused; to resume it means: go on with the ramp
```

Canary and ramp never let more go than they say, over crashes too: both follow from what is on record. A ramp's step
lasts for as long as its share of the line's rate is made use of: a line that cannot send proves nothing.
"""

from __future__ import annotations

import math
from typing import cast

from egress.lines.campaigns.campaign import Campaign
from runtime import logs, metrics
from schemas.campaign import Canary, Definition, Ramp

_log = logs.get(__name__)


def tick(campaign: Campaign, now_ms: int) -> None:
    """What time and what was heard of make of it."""
    if not campaign.live:
        return
    if not campaign.begun:
        begin(campaign, now_ms)
    if campaign.state == "scheduled" and campaign.running(now_ms):
        campaign.state, campaign.touched = "running", True
        _enter(campaign, now_ms)
    if not campaign.running(now_ms) or campaign.through:
        return
    why = campaign.hearing.verdict(_definition(campaign).stop)
    if why:
        pause(campaign, why, "stop_rule")
        return
    if campaign.planned_all and not campaign.waiting:
        return  # but for those who are withheld, nobody is left whom canary or ramp could spare
    if campaign.stage == "canary":
        _canary(campaign, now_ms)
    if campaign.stage == "judging":
        _judge(campaign, now_ms)
    if campaign.stage == "ramp":
        _climb(campaign, now_ms)


def begin(campaign: Campaign, now_ms: int) -> None:
    """It is heard of for the first time."""
    campaign.begun = campaign.touched = True
    if campaign.state == "running" and _definition(campaign).start_ms > now_ms:
        campaign.state = "scheduled"
    _enter(campaign, now_ms)


def pause(campaign: Campaign, why: str, cause: str) -> None:
    """It stands still until a person resumes it; `cause` is the word for metrics."""
    campaign.state, campaign.why, campaign.touched = "paused", why, True
    definition = _definition(campaign)
    metrics.counter(metrics.EGRESS_CAMPAIGN_PAUSES).labels(tenant=definition.tenant, reason=cause).inc()
    _log.warning("a campaign is paused", tenant=definition.tenant, campaign=campaign.name, reason=cause, why=why)


def paid(campaign: Campaign, count: int, rate: float, now_ms: int) -> None:
    """So many of it were planned on a line of this rate: when a ramp lets the next call go."""
    ramp = _definition(campaign).ramp
    if campaign.stage == "ramp" and ramp is not None and count:
        campaign.touched = True
        share_s = max(ramp.shares[campaign.step] * rate, 1e-6)
        campaign.stage_ms += max(0, now_ms - campaign.next_ms)
        campaign.next_ms = max(campaign.next_ms, now_ms) + math.ceil(count / share_s * 1000)


def wakes_at(campaign: Campaign, now_ms: int) -> int | None:
    """When time alone changes what it may do, now while there is more of it to refuse; None for never."""
    if not campaign.live:
        return None
    if campaign.over(now_ms) and campaign.chunk in campaign.chunks:
        return now_ms
    definition = _definition(campaign)
    times = [definition.start_ms if campaign.state in ("running", "scheduled") else 0, definition.expires_ms]
    times.append(campaign.hold_ms if campaign.running(now_ms) else 0)
    if campaign.running(now_ms) and campaign.stage == "judging" and definition.canary is not None:
        times.append(campaign.stage_ms + round(definition.canary.wait_s * 1000))
    if campaign.running(now_ms) and campaign.stage == "ramp":
        times.append(campaign.next_ms)
    return min((time for time in times if time > now_ms), default=None)


def _definition(campaign: Campaign) -> Definition:
    return cast(Definition, campaign.definition)


def _canary(campaign: Campaign, now_ms: int) -> None:
    canary = cast(Canary, _definition(campaign).canary)
    if campaign.planned >= canary.count:
        campaign.stage, campaign.stage_ms, campaign.touched = "judging", now_ms, True


def _judge(campaign: Campaign, now_ms: int) -> None:
    canary = cast(Canary, _definition(campaign).canary)
    heard, withheld = len(campaign.hearing), len(campaign.withheld)
    waited = now_ms >= campaign.stage_ms + round(canary.wait_s * 1000)
    # Of one who is withheld nothing will be heard for a day: the share is of the others.
    enough = heard and heard >= canary.settled * (campaign.planned - withheld)
    if not enough and not waited:
        return
    _go_on(campaign, now_ms)
    if not heard:
        why = f"nothing was heard of {campaign.planned} canaries in {canary.wait_s:g} s"
        pause(campaign, f"{why}, {withheld} of them are withheld" if withheld else why, "canary")


def _go_on(campaign: Campaign, now_ms: int) -> None:
    """The canary is over."""
    campaign.stage = "ramp" if _definition(campaign).ramp is not None else "full"
    campaign.step = 0
    _enter(campaign, now_ms)


def _enter(campaign: Campaign, now_ms: int) -> None:
    """A stage or a step begins now."""
    campaign.stage_ms, campaign.touched = now_ms, True
    campaign.next_ms = max(campaign.next_ms, now_ms)
    ramp = _definition(campaign).ramp
    if campaign.stage == "ramp" and (ramp is None or campaign.step >= len(ramp.shares)):
        campaign.stage = "full"


def _climb(campaign: Campaign, now_ms: int) -> None:
    step_ms = round(cast(Ramp, _definition(campaign).ramp).step_s * 1000)
    if min(now_ms, campaign.next_ms) >= campaign.stage_ms + step_ms:
        campaign.step += 1
        _enter(campaign, now_ms)


def resumed(campaign: Campaign, now_ms: int) -> None:
    """A person lets it go on: what was heard is judged no more, a ramp's step begins again."""
    campaign.hearing.begin_anew()
    campaign.unreadable = False
    campaign.state, campaign.begun = "running", True
    if _definition(campaign).start_ms > now_ms:
        campaign.state = "scheduled"
    if campaign.stage == "ramp":
        _enter(campaign, now_ms)
