"""Conversations, agents, and Kafka as services see it."""

from __future__ import annotations

from tests.deploy.cases.shapes import SEEN, Case, Fired, Series, counted

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
        counted("relevo_hooks_open_circuits", 'use="agents.http"', "2x60")
        | counted("relevo_hooks_calls_total", 'use="agents.http", tenant="acme", outcome="open"', "0+1x60"),
        (
            Fired(
                "warning",
                "2 services of tenants are left alone because they fail (agents.http).",
                {"use": "agents.http"},
            ),
        ),
        counted("relevo_hooks_open_circuits", 'use="agents.http"', "2x45 0x15")
        | counted("relevo_hooks_calls_total", 'use="agents.http", tenant="acme", outcome="open"', "0+1x60")
        | counted("relevo_hooks_open_circuits", 'use="crm"', "1x60")
        | counted("relevo_hooks_calls_total", 'use="crm", tenant="acme", outcome="open"', "0+1x10 10x50"),
        50,
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


def owned(topic: str, *values: str) -> Series:
    """The partitions of a topic, from 0 on, as their workers show them."""
    name = (
        "relevo_egress_intake_behind_records" if topic.startswith("outbound") else "relevo_kafka_consumer_lag_records"
    )
    return {f'{name}{{topic="{topic}", partition="{number}"}}': shown for number, shown in enumerate(values)}


def partitions(*topics: str) -> Series:
    """These have three, by each of two services that use them."""
    return {
        f'relevo_kafka_topic_partitions{{topic="{topic}", instance="{instance}"}}': "3x40"
        for topic in topics
        for instance in ("a:9400", "b:9400")
    }


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
        # A worker that comes to fifteen others: each gives all back and gets its part, once.
        {
            f'relevo_kafka_rebalances_total{{group="relevo-egress", event="{event}", instance="{worker}"}}': "1x10 2x30"
            for event in ("revoked", "assigned")
            for worker in range(15)
        },
        40,
    ),
    Case(
        "RelevoPartitionsUnowned",
        partitions("inbound.conversations", "agents.crm", "outbound.replies", "outbound.templates", "agents.crm.state")
        | owned("inbound.conversations", "0x40", "7x40", "0x40")
        | owned("outbound.replies", "0x40", "7x12 stale", "0x40"),
        (
            Fired("critical", "No worker has 3 partitions of agents.crm.", {"topic": "agents.crm"}),
            Fired("critical", "No worker has 1 partitions of outbound.replies.", {"topic": "outbound.replies"}),
        ),
        # One worker after the other is started again: some partition is always alone, and none for long.
        partitions("inbound.conversations")
        | owned("inbound.conversations", "0x11 stale _x2 0x30", "0x14 stale _x2 0x30", "0x17 stale _x2 0x30"),
    ),
    Case(  # two workers that show one partition are not two partitions
        "RelevoPartitionsUnowned",
        partitions("inbound.conversations")
        | owned("inbound.conversations", "0x40", "0x40")
        | {
            'relevo_kafka_consumer_lag_records{topic="inbound.conversations", partition="1", instance="b:9400"}': "0x40"
        },
        (
            Fired(
                "critical", "No worker has 1 partitions of inbound.conversations.", {"topic": "inbound.conversations"}
            ),
        ),
        partitions("inbound.conversations") | owned("inbound.conversations", "0x40", "0x40", "_x17 0x20"),
    ),
    Case(
        "RelevoFollowerBehind",
        counted("relevo_kafka_follower_lag_records", 'topic="tenants"', "5000x20"),
        (Fired("warning", "A service still has 5000 records of tenants to read.", {"topic": "tenants"}),),
        counted("relevo_kafka_follower_lag_records", 'topic="tenants"', "5000x3 0x17"),
    ),
)

CASES = (*PROCESSORS, *KAFKA)
