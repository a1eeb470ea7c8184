"""Egress that takes a call without an answer for one that did not arrive, and makes it again."""

from __future__ import annotations

from egress.chattigo.result import CallResult
from egress.lines.results import verdicts
from relevo.cli.program import main
from schemas.journal import Result
from schemas.tenant import Account

_recorded = verdicts._recorded


def _sure(result: CallResult, account: Account) -> Result:
    recorded = _recorded(result, account)
    return "not_sent" if recorded == "in_doubt" else recorded


verdicts._recorded = _sure

if __name__ == "__main__":
    main()
