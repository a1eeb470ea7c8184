"""Sending and logins."""

from __future__ import annotations

from tests.deploy.cases.shapes import ACCOUNT, AT, SEEN, Case, Fired, Series, counted


def calls(accepted: int, result: str, count: int) -> Series:
    return {
        'relevo_egress_calls_total{tenant="acme", route="session", result="accepted"}': f"0+{accepted}x60",
        f'relevo_egress_calls_total{{tenant="acme", route="session", result="{result}"}}': f"0+{count}x60",
    }


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
        # Its worker is replaced after a while, and takes two minutes to know of it again.
        counted("relevo_egress_held_lines", 'reason="paused", instance="a"', "3x700 stale")
        | counted("relevo_egress_held_lines", 'reason="paused", instance="b"', "_x700 0x1 3x800"),
        (Fired("warning", "3 lines have been paused for a day.", {"reason": "paused"}),),
        counted("relevo_egress_held_lines", 'reason="paused"', "3x1000 0x20 3x480"),
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
        counted(LEFT, f"{ACCOUNT}, {SEEN}", "300x20")
        | counted(AGE, f"{ACCOUNT}, {SEEN}", "9700x20")
        | counted(AGE, f'{ACCOUNT}, job="relevo", instance="egress:9400"', "5x20"),
        (
            Fired(
                "critical",
                "The token of isv|acme@acme was not renewed: 3% of its life is left.",
                {"account": "isv|acme@acme"},
            ),
        ),
        counted(LEFT, f"{ACCOUNT}, {SEEN}", "1000x20")
        | counted(AGE, f"{ACCOUNT}, {SEEN}", "9000x20")
        | counted(AGE, f'{ACCOUNT}, job="relevo", instance="egress:9400"', "500000x20"),
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

CASES = (*EGRESS, *LEASE)
