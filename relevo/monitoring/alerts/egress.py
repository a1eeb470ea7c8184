"""Alerts on sending: Chattigo, lines, what waits, campaigns."""

from __future__ import annotations

from relevo.monitoring.rule import Alert, Dashboard, Severity, grew

_BOARD: Dashboard = "relevo-egress-campaigns"
_RECEIPTS = "relevo_egress_receipts_total"
_CALLS = "relevo_egress_calls_total"
BEHIND_S, FULL = 60, 0.9
REFUSED, DOUBTFUL, ORPHANS = 0.2, 0.02, 0.1
TAIL = 500_000
# Of few calls or receipts one is a large share.
FEW = 5
# A stopped line hurts all that it sends, a stopped template its own campaigns.
_STOPS: tuple[tuple[str, Severity], ...] = (("line", "critical"), ("template", "warning"))

ALERTS = (
    Alert(
        "RelevoChattigoDown",
        # Between two probes that fail it is half-open for a moment, which must not begin the time anew.
        "max by (account) (max_over_time(relevo_egress_account_circuit_state[2m])) == 2",
        "3m",
        "critical",
        _BOARD,
        "Chattigo's service fails for {{ $labels.account }}: what it is to send waits.",
    ),
    Alert(
        "RelevoChattigoDoubtful",
        f'sum(rate({_CALLS}{{result="in_doubt"}}[10m])) / sum(rate({_CALLS}[10m])) > {DOUBTFUL}'
        f' and sum(increase({_CALLS}{{result="in_doubt"}}[10m])) > {FEW}',
        "5m",
        "warning",
        _BOARD,
        "{{ $value | humanizePercentage }} of the calls to Chattigo end in doubt.",
    ),
    Alert(
        "RelevoChattigoRefuses",
        f'sum by (tenant) (rate({_CALLS}{{result="refused"}}[15m]))'
        f" / sum by (tenant) (rate({_CALLS}[15m])) > {REFUSED}"
        f' and sum by (tenant) (increase({_CALLS}{{result="refused"}}[15m])) > {FEW}',
        "15m",
        "warning",
        _BOARD,
        "Chattigo refuses {{ $value | humanizePercentage }} of the calls of {{ $labels.tenant }}.",
    ),
    Alert(
        "RelevoSendingBehind",
        f"max by (topic) (relevo_egress_intake_behind_seconds) > {BEHIND_S}",
        "5m",
        "critical",
        _BOARD,
        "Egress has not read what has stood on {{ $labels.topic }} for {{ $value | humanizeDuration }}.",
    ),
    Alert(
        "RelevoCallsShort",
        f"relevo_egress_open_calls / relevo_egress_calls_limit > {FULL}",
        "10m",
        "warning",
        _BOARD,
        "{{ $labels.instance }} makes as many calls side by side as it may.",
    ),
    *(
        Alert(
            "RelevoLineStopped",
            f'sum by (what) (relevo_egress_stops_standing{{what="{what}"}}) > 0',
            "0m",
            severity,
            _BOARD,
            "WhatsApp stopped {{ $value }} of: {{ $labels.what }}. A person must resume it.",
        )
        for what, severity in _STOPS
    ),
    Alert(
        "RelevoLinesHeldLong",
        # A line that goes to another worker is nobody's for a moment, which must not begin the day anew.
        'sum by (reason) (max_over_time(relevo_egress_held_lines{reason=~"line_paused|paused"}[15m])) > 0',
        "1d",
        "warning",
        _BOARD,
        "{{ $value }} lines have been paused for a day.",
    ),
    Alert(
        "RelevoLineSlowed",
        "min(relevo_egress_lowest_rate_share) < 0.5",
        "30m",
        "warning",
        _BOARD,
        "A line has sent at {{ $value | humanizePercentage }} of its rate for half an hour, by WhatsApp's word.",
    ),
    Alert(
        "RelevoAccountAlarm",
        grew("relevo_egress_alarms_total", "tenant, code", "1h"),
        "0m",
        "warning",
        _BOARD,
        "WhatsApp said {{ $labels.code }} to {{ $labels.tenant }}, which a person should look at.",
    ),
    Alert(
        "RelevoParkedLost",
        grew("relevo_egress_parked_lost_total", "job", "1h"),
        "0m",
        "critical",
        _BOARD,
        "Kafka no longer had parked messages when their time came.",
    ),
    Alert(
        "RelevoReceiptsOrphaned",
        f"sum by (tenant) (rate(relevo_egress_orphan_receipts_total[30m]))"
        f" / sum by (tenant) (rate({_RECEIPTS}[30m])) > {ORPHANS}"
        f" and sum by (tenant) (increase(relevo_egress_orphan_receipts_total[30m])) > {FEW}",
        "30m",
        "warning",
        _BOARD,
        "{{ $value | humanizePercentage }} of the receipts of {{ $labels.tenant }} are of sends that nobody here made.",
    ),
    Alert(
        "RelevoReceiptsSilent",
        f'sum(rate({_CALLS}{{result="accepted"}}[30m])) > 0.1 and (sum(rate({_RECEIPTS}[30m])) or vector(0)) == 0',
        "15m",
        "warning",
        _BOARD,
        "Messages are accepted and not one receipt comes: no doubt can be settled.",
    ),
    Alert(
        "RelevoCampaignPaused",
        grew("relevo_egress_campaign_pauses_total", "tenant, reason", "1h"),
        "0m",
        "warning",
        _BOARD,
        "A campaign of {{ $labels.tenant }} paused by itself ({{ $labels.reason }}).",
    ),
    Alert(
        "RelevoJournalLong",
        f"max(relevo_egress_journal_tail_records) > {TAIL}",
        "15m",
        "warning",
        _BOARD,
        "A new owner of a line would have to read {{ $value }} records of the journal.",
    ),
)
