"""Processes and webhooks."""

from __future__ import annotations

from tests.deploy.cases.shapes import AT, BUILD, SEEN, Case, Fired, counted

LOOPING = " ".join(f"{start} stale _x3" for start in range(1, 5))
AWAY = "1 stale _x3 1 stale _x3 1 stale _x3 1 stale _x3 1 stale _x20"

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
    Case(  # each process is gone when it is scraped next
        "RelevoServiceRestarts",
        {BUILD: AWAY, f"process_start_time_seconds{{{SEEN}}}": f"{LOOPING} 5 stale _x20"},
        (Fired("warning", "Processes of egress started again 4 times within an hour.", {"service": "egress"}),),
        {BUILD: AWAY, f"process_start_time_seconds{{{SEEN}}}": LOOPING},
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
        "RelevoServiceStands",
        counted("relevo_service_stacks_total", f'{SEEN}, why="stall"', "_x10 1x10"),
        (Fired("warning", "a:9400 stands, or stood; its log says where.", AT),),
        counted("relevo_service_stacks_total", f'{SEEN}, why="signal"', "_x10 1x10")
        | counted("relevo_service_live_state", SEEN, "1x20"),
    ),
    Case(
        "RelevoServiceStands",
        counted("relevo_service_live_state", SEEN, "1x18 0x5"),
        (Fired("warning", "a:9400 stands, or stood; its log says where.", AT),),
        counted("relevo_service_stacks_total", f'{SEEN}, why="stall"', "0x2 2x30"),
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
        counted("relevo_ingress_requests_total", 'outcome="accepted"', "0+300x1741 522300x300"),
        (Fired("critical", SILENCE),),
        counted("relevo_ingress_requests_total", 'outcome="accepted"', "0x16 0+300x1724 517200x300"),
        10_145,
        5,
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

CASES = (*SERVICES, *INGRESS)
