"""Objectives: used up fast, used up slowly, well within, and not measured at all."""

from __future__ import annotations

from tests.deploy.cases.shapes import Case, Fired, Series


def burns(alert: str, objective: str, summary: str, worlds: tuple[Series, Series, Series]) -> tuple[Case, ...]:
    """An objective's: used up fast, used up slowly, and well within it."""
    fast, slow, fine = worlds
    critical, warning = (Fired(one, summary, {"objective": objective}) for one in ("critical", "warning"))
    return (
        Case(alert, fast, (critical, warning), fine, 120),
        Case(alert, slow, (warning,), fine, 120),
    )


def requests(good: int, bad: int) -> Series:
    return {
        'relevo_ingress_requests_total{tenant="acme", outcome="accepted"}': f"0+{good}x120",
        'relevo_ingress_requests_total{tenant="acme", outcome="unsure"}': f"0+{bad}x120",
        'relevo_ingress_requests_total{tenant="other", outcome="not_found"}': "0+50x120",
    }


def histogram(name: str, le: str, total: int, late: int, labels: str = "") -> Series:
    """`labels` ends with a comma, if there are any."""
    return {
        f'{name}_bucket{{{labels}le="{le}"}}': f"0+{total - late}x120",
        f"{name}_count{{{labels.rstrip(', ')}}}": f"0+{total}x120",
    }


def due(late: int) -> Series:
    bulk = histogram("relevo_egress_due_seconds", "5.0", 10_000, 9_000, 'message_class="bulk", ')
    return bulk | histogram("relevo_egress_due_seconds", "5.0", 1000, late, 'message_class="reply", ')


def resends(messages: int, again: int) -> Series:
    return {
        'relevo_egress_messages_total{tenant="acme", message_class="reply", outcome="accepted"}': f"0+{messages}x120",
        'relevo_egress_resends_total{tenant="acme", message_class="reply", reason="policy_reply"}': f"0+{again}x120",
        'relevo_egress_resends_total{tenant="acme", message_class="reply", reason="failed_131049"}': "0+900x120",
    }


def doubts(values: str) -> Series:
    return {'relevo_egress_oldest_doubt_seconds{message_class="marketing"}': values}


ACK, AGENT = "relevo_ingress_ack_seconds", "relevo_processors_agent_delay_seconds"
OBJECTIVES = (
    # Of few events one failure is a large share, and wakes nobody.
    Case(
        "RelevoWebhooksUnavailable",
        requests(100, 3),
        tuple(
            Fired(
                one,
                "Too many webhooks are not taken: Chattigo may never send them again.",
                {"objective": "webhook_availability"},
            )
            for one in ("critical", "warning")
        ),
        {
            'relevo_ingress_requests_total{tenant="acme", outcome="accepted"}': "0+1x120",
            'relevo_ingress_requests_total{tenant="acme", outcome="unsure"}': "0x60 4x60",
        },
        120,
    ),
    *burns(
        "RelevoWebhooksUnavailable",
        "webhook_availability",
        "Too many webhooks are not taken: Chattigo may never send them again.",
        (requests(600, 12), requests(10_000, 40), requests(10_000, 5)),
    ),
    *burns(
        "RelevoWebhooksSlow",
        "webhook_latency",
        "Too many webhooks are answered late.",
        (histogram(ACK, "1.0", 600, 120), histogram(ACK, "1.0", 1000, 40), histogram(ACK, "1.0", 1000, 5)),
    ),
    *burns(
        "RelevoAgentsLate",
        "webhook_to_agent",
        "Too many events reach their agent late: people wait for an answer.",
        (
            histogram(AGENT, "5.0", 600, 120, 'agent="menu", '),
            histogram(AGENT, "5.0", 1000, 40, 'agent="menu", '),
            histogram(AGENT, "5.0", 1000, 5, 'agent="menu", '),
        ),
    ),
    *burns(
        "RelevoSendingLate",
        "due_to_sent",
        "Too many messages that people wait for leave late.",
        (due(200), due(40), due(5)),
    ),
    *burns(
        "RelevoResendsMany",
        "duplicates",
        "Too many messages are sent a second time by policy: people may get them twice.",
        (resends(1000, 20), resends(10_000, 40), resends(10_000, 5)),
    ),
    *burns(
        "RelevoDoubtsOld",
        "doubts_age",
        "Calls have been in doubt for over an hour: a person must decide.",
        (doubts("4000x120"), doubts("4000x11 0x47 4000x11 0x60"), doubts("3500x120")),
    ),
)

MISSING = {
    "webhook_availability": "99.9 % of webhooks are answered without a fault of ours: nothing measures it.",
    "webhook_latency": "99 % of webhooks are answered within 1 s: nothing measures it.",
    "webhook_to_agent": "99 % of events reach their agent within 5 s of the webhook: nothing measures it.",
    "due_to_sent": "99 % of replies and one-time passwords leave within 5 s of being due: nothing measures it.",
    "duplicates": "at most 1 of 1,000 messages is sent again though the first may have arrived: nothing measures it.",
    "doubts_age": "95 % of the time no call has been in doubt for an hour: nothing measures it.",
}
NOTHING = Case(
    "RelevoObjectiveMissing",
    {},
    tuple(Fired("warning", summary, {"objective": name}) for name, summary in MISSING.items()),
    requests(600, 0)
    | histogram(ACK, "1.0", 600, 0)
    | histogram(AGENT, "5.0", 600, 0, 'agent="menu", ')
    | due(0)
    | resends(600, 0)
    | doubts("0x20"),
)

CASES = (*OBJECTIVES, NOTHING)
