"""For every alert: what makes it fire and with which words, and what is almost that and must not.

Series are promtool's, a value a minute: `0+60x30` is 0, 60, 120, … thirty times further. What is expected is written
by hand; only where the dashboard and the runbook are is taken from the alert itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Series = dict[str, str]


@dataclass(frozen=True)
class Fired:
    """One alert that fires: `labels` beside `alertname` and `severity`."""

    severity: str
    summary: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`fires` and `silent` are two worlds, both looked at after `at` minutes."""

    alert: str
    fires: Series
    fired: tuple[Fired, ...]
    silent: Series
    at: int = 20


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


def counted(name: str, labels: str, values: str) -> Series:
    return {f"{name}{{{labels}}}": values}


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

SEEN = 'job="relevo", instance="a:9400"'
BUILD = 'relevo_service_build_info{job="relevo", instance="a:9400", service="egress", version="1"}'
AT = {"job": "relevo", "instance": "a:9400"}

SERVICES = (
    Case(
        "RelevoServiceGone",
        {
            'relevo_service_build_info{service="webhooks"}': "1x20",
            'relevo_service_build_info{service="conversations"}': "1x20",
            'relevo_service_build_info{service="agents-menu"}': "1x20",
            'relevo_service_build_info{service="lease"}': "1x20",
            'relevo_service_build_info{service="egress"}': "1x5",
        },
        (Fired("critical", "No process of egress is seen.", {"gone": "egress", "service": "egress"}),),
        {
            f'relevo_service_build_info{{service="{one}"}}': "1x20"
            for one in ("webhooks", "conversations", "agents-menu", "egress", "lease")
        },
    ),
    Case(
        "RelevoServiceNotReady",
        {BUILD: "1x20", f"relevo_service_ready_state{{{SEEN}}}": "0x20"},
        (Fired("warning", "a:9400 has not been ready for ten minutes.", AT),),
        {BUILD: "1x20", f"relevo_service_ready_state{{{SEEN}}}": "0x7 1x4 0x9"},
    ),
    Case(
        "RelevoServiceRestarts",
        {BUILD: "1x40", f"process_start_time_seconds{{{SEEN}}}": "1x5 2x5 3x5 4x5 5x20"},
        (Fired("warning", "Processes of egress started again 4 times within an hour.", {"service": "egress"}),),
        {BUILD: "1x40", f"process_start_time_seconds{{{SEEN}}}": "1x5 2x5 3x5 4x30"},
        30,
    ),
    Case(
        "RelevoServiceEndedItself",
        {'relevo_service_previous_end_seconds{service="egress", code="73", cause="_FENCED"}': "600x20"},
        (
            Fired(
                "warning",
                "A process of egress ended with code 73 (_FENCED).",
                {"service": "egress", "code": "73", "cause": "_FENCED"},
            ),
        ),
        {
            'relevo_service_previous_end_seconds{service="egress", code="0", cause="stopped"}': "600x20",
            'relevo_service_previous_end_seconds{service="lease", code="73", cause="_FENCED"}': "200x20",
            'relevo_service_previous_end_seconds{service="egress", code="", cause="killed"}': "600x20",
        },
    ),
    Case(
        "RelevoEventLoopLate",
        counted("relevo_service_loop_lag_max_seconds", SEEN, "1.5x20"),
        (
            Fired(
                "warning",
                "The event loop of a:9400 is late by 1.5 s.",
                AT,
            ),
        ),
        counted("relevo_service_loop_lag_max_seconds", SEEN, "0.9x20"),
    ),
    Case(
        "RelevoTaskFailed",
        counted("relevo_service_task_failures_total", 'task="reading"', "_x10 1x10"),
        (Fired("warning", "The background task reading ended by an exception.", {"task": "reading"}),),
        counted("relevo_service_task_failures_total", 'task="reading"', "1x20"),
    ),
    Case(
        "RelevoFilesShort",
        {BUILD: "1x20", f"process_open_fds{{{SEEN}}}": "900x20", f"process_max_fds{{{SEEN}}}": "1000x20"},
        (Fired("warning", "a:9400 has used 90% of the files that it may open.", AT),),
        {
            BUILD: "1x20",
            f"process_open_fds{{{SEEN}}}": "700x20",
            f"process_max_fds{{{SEEN}}}": "1000x20",
            'process_open_fds{job="other", instance="b"}': "10x20",
            'process_max_fds{job="other", instance="b"}': "10x20",
        },
    ),
    Case(
        "RelevoTenantsConflict",
        counted("relevo_tenants_conflicting_claims", SEEN, "2x20"),
        (Fired("warning", "2 lines or webhook secrets are claimed by two tenants."),),
        counted("relevo_tenants_conflicting_claims", SEEN, "0x20"),
    ),
    Case(
        "RelevoTenantRefused",
        counted("relevo_tenants_refused_records_total", 'reason="undecodable"', "0x10 1x10"),
        (
            Fired(
                "warning",
                "A tenant's record cannot be used (undecodable): it stays as it was before.",
                {"reason": "undecodable"},
            ),
        ),
        counted("relevo_tenants_refused_records_total", 'reason="undecodable"', "1x20"),
    ),
    Case(
        "RelevoPauseUnreadable",
        counted("relevo_pauses_unreadable_records_total", SEEN, "0x10 1x10"),
        (Fired("warning", "A pause cannot be read, and so it pauses.", {"job": "relevo"}),),
        counted("relevo_pauses_unreadable_records_total", SEEN, "0x20"),
    ),
)

SILENCE = "No webhook has been taken for an hour; yesterday and a week ago there were some at this time."
INGRESS = (
    Case(
        "RelevoWebhooksSilent",
        counted("relevo_ingress_requests_total", 'outcome="accepted"', "0+60x8705 522300x1500"),
        (Fired("critical", SILENCE),),
        counted("relevo_ingress_requests_total", 'outcome="accepted"', "0x80 0+60x8620 517200x1500"),
        10_145,
    ),
    Case(
        "RelevoWebhooksSilent",
        counted("relevo_ingress_requests_total", 'outcome="accepted"', "0+60x90 5400x1500"),
        (Fired("critical", SILENCE),),
        counted("relevo_ingress_requests_total", 'outcome="accepted"', "0x90 0+60x1500"),
        1515,
    ),
    Case(
        "RelevoWebhooksHeld",
        counted("relevo_ingress_kafka_holds_total", 'outcome="confirmed"', "0+12x20"),
        (Fired("warning", "Kafka takes over a second to confirm webhooks, 0.2 times a second."),),
        counted("relevo_ingress_kafka_holds_total", 'outcome="confirmed"', "0+3x20"),
    ),
    Case(
        "RelevoWebhooksUnreadable",
        counted("relevo_ingress_requests_total", 'tenant="acme", outcome="accepted"', "0+30x60")
        | counted("relevo_ingress_requests_total", 'tenant="acme", outcome="not_json"', "0+10x60"),
        (Fired("warning", "25% of the webhooks of acme cannot be read; they are kept.", {"tenant": "acme"}),),
        counted("relevo_ingress_requests_total", 'tenant="acme", outcome="accepted"', "0+100x60")
        | counted("relevo_ingress_requests_total", 'tenant="acme", outcome="not_json"', "0+3x60"),
        50,
    ),
    Case(
        "RelevoWebhooksStrange",
        counted("relevo_ingress_requests_total", 'tenant="other", outcome="not_found"', "0+120x40"),
        (
            Fired(
                "warning",
                "2.0 webhooks a second are turned away: wrong address, old secret, or too many.",
            ),
        ),
        counted("relevo_ingress_requests_total", 'tenant="other", outcome="not_found"', "0+30x40"),
        35,
    ),
)

PLACE = 'group="relevo-conversations", topic="inbound.conversations", partition="3"'
LETTER = 'processor="conversations", tenant="acme", reason="malformed"'
PROCESSORS = (
    Case(
        "RelevoProcessorBehind",
        counted("relevo_kafka_consumer_lag_seconds", PLACE, "90x20"),
        (
            Fired(
                "critical",
                "relevo-conversations is 1m 30s behind on inbound.conversations.",
                {"group": "relevo-conversations", "topic": "inbound.conversations"},
            ),
        ),
        counted("relevo_kafka_consumer_lag_seconds", PLACE, "90x4 0x1 90x4 0x10"),
    ),
    Case(
        "RelevoDeadLetters",
        counted("relevo_processors_dead_letters_total", LETTER, "_x10 1x10"),
        (
            Fired(
                "warning",
                "conversations could not handle records of acme (malformed).",
                {"processor": "conversations", "tenant": "acme", "reason": "malformed"},
            ),
        ),
        counted("relevo_processors_dead_letters_total", LETTER, "4x20"),
    ),
    Case(
        "RelevoDeadLetterStop",
        {'relevo_service_previous_end_seconds{service="conversations", code="79", cause="letters"}': "600x20"},
        (
            Fired(
                "critical",
                "conversations ended itself because most of what it handled became dead letters.",
                {"service": "conversations"},
            ),
        ),
        {'relevo_service_previous_end_seconds{service="conversations", code="71", cause="_FENCED"}': "600x20"},
    ),
    Case(
        "RelevoAgentLoops",
        counted("relevo_processors_agent_loops_total", 'agent="menu", tenant="acme"', "_x10 1x10"),
        (
            Fired(
                "warning",
                "A conversation of acme answered itself and was stopped (agent menu).",
                {"agent": "menu", "tenant": "acme"},
            ),
        ),
        counted("relevo_processors_agent_loops_total", 'agent="menu", tenant="acme"', "1x20"),
    ),
    Case(
        "RelevoAgentTurnsShort",
        counted("relevo_processors_agent_turns", 'agent="http", state="wanted"', "7x20"),
        (Fired("warning", "7 events of http wait for a turn: what the agent calls is slow.", {"agent": "http"}),),
        counted("relevo_processors_agent_turns", 'agent="http", state="held"', "400x20"),
    ),
    Case(
        "RelevoAgentRoutingBroken",
        counted("relevo_processors_unusable_rules", SEEN, "1x20"),
        (Fired("warning", "1 rules of tenants' routing never match, because something in them is wrong."),),
        counted("relevo_processors_unusable_rules", SEEN, "0x20"),
    ),
    Case(
        "RelevoHookCircuitOpen",
        counted("relevo_hooks_open_circuits", 'use="agents.http"', "2x20"),
        (
            Fired(
                "warning",
                "2 services of tenants are left alone because they fail (agents.http).",
                {"use": "agents.http"},
            ),
        ),
        counted("relevo_hooks_open_circuits", 'use="agents.http"', "2x5 0x15"),
    ),
    Case(
        "RelevoDeliveriesOld",
        counted("relevo_processors_deliveries_oldest_seconds", 'agent="crm", tenant="acme"', "7200x20"),
        (
            Fired(
                "warning",
                "What crm brings to acme waits for 2h 0m 0s.",
                {"agent": "crm", "tenant": "acme"},
            ),
        ),
        counted("relevo_processors_deliveries_oldest_seconds", 'agent="crm", tenant="acme"', "3000x20"),
    ),
    Case(
        "RelevoDeliveriesLost",
        counted(
            "relevo_processors_deliveries_ended_total", 'agent="crm", tenant="acme", reason="too_old"', "_x10 1x10"
        ),
        (
            Fired(
                "warning",
                "crm gave up bringing something to a system of acme (too_old).",
                {"agent": "crm", "tenant": "acme", "reason": "too_old"},
            ),
        ),
        counted(
            "relevo_processors_deliveries_ended_total", 'agent="crm", tenant="acme", reason="superseded"', "_x10 1x10"
        ),
    ),
)

WEEK = 604_800
ENDED = 'instance="a:9400", service="egress", code="73", cause="_FENCED"'
KAFKA = (
    Case(
        "RelevoRetentionNear",
        {
            'relevo_kafka_consumer_lag_seconds{topic="agents.menu", partition="1"}': f"{WEEK // 2}x20",
            'relevo_kafka_retention_seconds{topic="agents.menu"}': f"{WEEK}x20",
            'relevo_egress_intake_behind_seconds{topic="outbound.replies", partition="1"}': f"{WEEK // 5}x20",
            'relevo_kafka_retention_seconds{topic="outbound.replies"}': f"{WEEK}x20",
            "relevo_egress_parked_oldest_seconds": f"{WEEK * 2}x20",
            'relevo_kafka_retention_seconds{topic="outbound.parked"}': f"{WEEK * 4}x20",
        },
        (
            Fired(
                "critical",
                "What waits on agents.menu has used 50% of the time that Kafka keeps it.",
                {"topic": "agents.menu"},
            ),
            Fired(
                "critical",
                "What waits on outbound.parked has used 50% of the time that Kafka keeps it.",
                {"topic": "outbound.parked"},
            ),
        ),
        {
            'relevo_kafka_consumer_lag_seconds{topic="agents.menu", partition="1"}': f"{WEEK // 5}x20",
            'relevo_kafka_retention_seconds{topic="agents.menu"}': f"{WEEK}x20",
        },
    ),
    Case(
        "RelevoUnreadRemoved",
        counted("relevo_egress_unread_offsets_total", 'topic="outbound.replies"', "_x10 40x10"),
        (
            Fired(
                "critical",
                "Kafka removed records of outbound.replies before anybody read them.",
                {"topic": "outbound.replies"},
            ),
        ),
        counted("relevo_egress_unread_offsets_total", 'topic="outbound.replies"', "0x20"),
    ),
    Case(
        "RelevoKafkaRefuses",
        counted("relevo_kafka_delivery_errors_total", 'client="relevo", code="_MSG_TIMED_OUT"', "0x8 1+1x12"),
        (
            Fired(
                "warning",
                "Kafka does not confirm records of relevo (_MSG_TIMED_OUT).",
                {"client": "relevo", "code": "_MSG_TIMED_OUT"},
            ),
        ),
        counted("relevo_kafka_delivery_errors_total", 'client="relevo", code="_MSG_TIMED_OUT"', "_x8 2x12"),
    ),
    Case(
        "RelevoKafkaFull",
        counted("relevo_kafka_backpressure_total", 'client="relevo"', "0x8 1+1x12"),
        (Fired("warning", "relevo has more for Kafka than its queue holds.", {"client": "relevo"}),),
        counted("relevo_kafka_backpressure_total", 'client="relevo"', "_x8 2x12"),
    ),
    Case(
        "RelevoTransactionsFail",
        counted("relevo_service_previous_end_seconds", ENDED, "600x5 900x5 1200x10"),
        (
            Fired(
                "warning",
                "Kafka refuses transactions of egress again and again; each time its process ends.",
                {"service": "egress", "instance": "a:9400"},
            ),
        ),
        counted("relevo_service_previous_end_seconds", ENDED, "600x5 900x15")
        | counted("relevo_service_previous_end_seconds", ENDED.replace("a:9400", "b:9400"), "500x20"),
    ),
    Case(
        "RelevoTransactionsSlow",
        {
            'relevo_egress_transaction_seconds_bucket{le="1.0"}': "0+80x40",
            'relevo_egress_transaction_seconds_bucket{le="2.5"}': "0+100x40",
            'relevo_egress_transaction_seconds_bucket{le="+Inf"}': "0+100x40",
        },
        (Fired("warning", "One of twenty transactions takes 2.125s or longer."),),
        {
            'relevo_egress_transaction_seconds_bucket{le="1.0"}': "0+98x40",
            'relevo_egress_transaction_seconds_bucket{le="2.5"}': "0+100x40",
            'relevo_egress_transaction_seconds_bucket{le="+Inf"}': "0+100x40",
        },
        35,
    ),
    Case(
        "RelevoRebalancesMany",
        counted("relevo_kafka_rebalances_total", 'group="relevo-egress", event="revoked"', "0+1x40"),
        (
            Fired(
                "warning",
                "Partitions of relevo-egress change hands all the time.",
                {"group": "relevo-egress"},
            ),
        ),
        counted("relevo_kafka_rebalances_total", 'group="relevo-egress", event="revoked"', "0x10 4x30"),
        40,
    ),
    Case(
        "RelevoFollowerBehind",
        counted("relevo_kafka_follower_lag_records", 'topic="tenants"', "5000x20"),
        (Fired("warning", "A service still has 5000 records of tenants to read.", {"topic": "tenants"}),),
        counted("relevo_kafka_follower_lag_records", 'topic="tenants"', "5000x3 0x17"),
    ),
)


def calls(accepted: int, result: str, count: int) -> Series:
    return {
        'relevo_egress_calls_total{tenant="acme", route="session", result="accepted"}': f"0+{accepted}x60",
        f'relevo_egress_calls_total{{tenant="acme", route="session", result="{result}"}}': f"0+{count}x60",
    }


ACCOUNT = 'account="isv|acme@acme"'
EGRESS = (
    Case(
        "RelevoChattigoDown",
        counted("relevo_egress_account_circuit_state", ACCOUNT, "0x5 2x15"),
        (
            Fired(
                "critical",
                "Chattigo's service fails for isv|acme@acme: what it is to send waits.",
                {"account": "isv|acme@acme"},
            ),
        ),
        counted("relevo_egress_account_circuit_state", ACCOUNT, "0x12 2x0 1x10"),
    ),
    Case(
        "RelevoChattigoDoubtful",
        calls(90, "in_doubt", 10),
        (Fired("warning", "10% of the calls to Chattigo end in doubt."),),
        calls(995, "in_doubt", 5),
        40,
    ),
    Case(  # one of few
        "RelevoChattigoDoubtful",
        calls(20, "in_doubt", 2),
        (Fired("warning", "9.091% of the calls to Chattigo end in doubt."),),
        calls(1, "in_doubt", 0) | {'relevo_egress_calls_total{result="in_doubt"}': "0x32 1x28"},
        40,
    ),
    Case(
        "RelevoChattigoRefuses",
        calls(50, "refused", 50),
        (Fired("warning", "Chattigo refuses 50% of the calls of acme.", {"tenant": "acme"}),),
        calls(90, "refused", 10),
        50,
    ),
    Case(
        "RelevoSendingBehind",
        counted("relevo_egress_intake_behind_seconds", 'topic="outbound.replies", partition="2"', "120x20"),
        (
            Fired(
                "critical",
                "Egress has not read what has stood on outbound.replies for 2m 0s.",
                {"topic": "outbound.replies"},
            ),
        ),
        counted("relevo_egress_intake_behind_seconds", 'topic="outbound.replies", partition="2"', "50x20"),
    ),
    Case(
        "RelevoCallsShort",
        counted("relevo_egress_open_calls", SEEN, "95x20") | counted("relevo_egress_calls_limit", SEEN, "100x20"),
        (Fired("warning", "a:9400 makes as many calls side by side as it may.", AT),),
        counted("relevo_egress_open_calls", SEEN, "80x20") | counted("relevo_egress_calls_limit", SEEN, "100x20"),
    ),
    Case(
        "RelevoLineStopped",
        counted("relevo_egress_stops_standing", 'what="line"', "0x10 1x10"),
        (Fired("critical", "WhatsApp stopped 1 of: line. A person must resume it.", {"what": "line"}),),
        counted("relevo_egress_stops_standing", 'what="line"', "0x20"),
    ),
    Case(
        "RelevoLineStopped",
        counted("relevo_egress_stops_standing", 'what="template"', "0x10 2x10"),
        (Fired("warning", "WhatsApp stopped 2 of: template. A person must resume it.", {"what": "template"}),),
        counted("relevo_egress_stops_standing", 'what="template"', "2x10 0x10"),
    ),
    Case(
        "RelevoLinesHeldLong",
        counted("relevo_egress_held_lines", 'reason="paused"', "3x1500"),
        (Fired("warning", "3 lines have been paused for a day.", {"reason": "paused"}),),
        counted("relevo_egress_held_lines", 'reason="paused"', "3x1000 0x10 3x490"),
        1460,
    ),
    Case(
        "RelevoLineSlowed",
        counted("relevo_egress_lowest_rate_share", SEEN, "0.25x40"),
        (Fired("warning", "A line has sent at 25% of its rate for half an hour, by WhatsApp's word."),),
        counted("relevo_egress_lowest_rate_share", SEEN, "0.6x40"),
        40,
    ),
    Case(
        "RelevoAccountAlarm",
        counted("relevo_egress_alarms_total", 'tenant="acme", code="130497"', "_x30 1x60"),
        (
            Fired(
                "warning",
                "WhatsApp said 130497 to acme, which a person should look at.",
                {"tenant": "acme", "code": "130497"},
            ),
        ),
        counted("relevo_egress_alarms_total", 'tenant="acme", code="130497"', "1x80"),
        75,
    ),
    Case(
        "RelevoParkedLost",
        counted("relevo_egress_parked_lost_total", SEEN, "_x10 12x10"),
        (Fired("critical", "Kafka no longer had parked messages when their time came.", {"job": "relevo"}),),
        counted("relevo_egress_parked_lost_total", SEEN, "0x20"),
    ),
    Case(
        "RelevoReceiptsOrphaned",
        counted("relevo_egress_orphan_receipts_total", 'tenant="acme"', "0+20x70")
        | counted("relevo_egress_receipts_total", 'tenant="acme", state="sent"', "0+100x70"),
        (
            Fired(
                "warning",
                "20% of the receipts of acme are of sends that nobody here made.",
                {"tenant": "acme"},
            ),
        ),
        counted("relevo_egress_orphan_receipts_total", 'tenant="acme"', "0+5x70")
        | counted("relevo_egress_receipts_total", 'tenant="acme", state="sent"', "0+100x70"),
        65,
    ),
    Case(
        "RelevoReceiptsSilent",
        calls(60, "refused", 0),
        (Fired("warning", "Messages are accepted and not one receipt comes: no doubt can be settled."),),
        calls(1, "refused", 0),
        50,
    ),
    Case(
        "RelevoReceiptsSilent",
        calls(60, "refused", 0) | counted("relevo_egress_receipts_total", 'tenant="acme", state="sent"', "7x60"),
        (Fired("warning", "Messages are accepted and not one receipt comes: no doubt can be settled."),),
        calls(60, "refused", 0) | counted("relevo_egress_receipts_total", 'tenant="acme", state="sent"', "0+1x60"),
        50,
    ),
    Case(
        "RelevoCampaignPaused",
        counted("relevo_egress_campaign_pauses_total", 'tenant="acme", reason="canary"', "_x30 1x60"),
        (
            Fired(
                "warning",
                "A campaign of acme paused by itself (canary).",
                {"tenant": "acme", "reason": "canary"},
            ),
        ),
        counted("relevo_egress_campaign_pauses_total", 'tenant="acme", reason="canary"', "1x80"),
        75,
    ),
    Case(
        "RelevoJournalLong",
        counted("relevo_egress_journal_tail_records", SEEN, "600000x20"),
        (Fired("warning", "A new owner of a line would have to read 600000 records of the journal."),),
        counted("relevo_egress_journal_tail_records", SEEN, "100000x20"),
    ),
)

LEFT, AGE = "relevo_lease_token_left_seconds", "relevo_lease_token_age_seconds"
LEASE = (
    Case(
        "RelevoTokenDying",
        counted(LEFT, ACCOUNT, "300x20") | counted(AGE, ACCOUNT, "9700x20"),
        (
            Fired(
                "critical",
                "The token of isv|acme@acme was not renewed: 3% of its life is left.",
                {"account": "isv|acme@acme"},
            ),
        ),
        counted(LEFT, ACCOUNT, "1000x20") | counted(AGE, ACCOUNT, "9000x20"),
    ),
    Case(
        "RelevoLoginsFail",
        counted("relevo_lease_failures_total", f'{ACCOUNT}, reason="refused"', "0x8 1+1x12"),
        (
            Fired(
                "warning",
                "Logins of isv|acme@acme fail (refused).",
                {"account": "isv|acme@acme", "reason": "refused"},
            ),
        ),
        counted("relevo_lease_failures_total", f'{ACCOUNT}, reason="refused"', "_x8 2x12"),
    ),
    Case(
        "RelevoLoginsMany",
        counted("relevo_lease_logins_total", f'{ACCOUNT}, result="ok"', "0+1x20"),
        (
            Fired(
                "warning",
                "isv|acme@acme logged in 20.0 times within an hour: somebody else may use it.",
                {"account": "isv|acme@acme"},
            ),
        ),
        counted("relevo_lease_logins_total", f'{ACCOUNT}, result="ok"', "0x5 3x15"),
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

CASES = (*OBJECTIVES, NOTHING, *SERVICES, *INGRESS, *PROCESSORS, *KAFKA, *EGRESS, *LEASE)
