"""A service with one rule broken does not get through its drill, and the verdict names the invariant.

The same drills with services that are whole pass: `test_brief`.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from relevo.drills.catalogue import drills
from relevo.drills.drill import Needs
from tests.drills.conftest import Run

pytestmark = pytest.mark.timeout(450)


@pytest.mark.parametrize(
    ("mutant", "service", "drill", "broken"),
    [
        ("no_plan", "egress", "egress-after-post-kill", "sent twice: "),
        ("early_answer", "webhooks", "webhooks-before-produce-kill", "lost event: "),
        ("blind_retry", "egress", "egress-no-answer", "sent twice: "),
        ("no_dedupe", "conversations", "conversations-before-commit-kill", "routed twice: "),
    ],
)
async def test_the_audit_of_a_drill_sees_a_service_with_one_rule_broken(
    run: Run, mutant: str, service: str, drill: str, broken: str
) -> None:
    whole = drills()[drill]
    assert whole.brief, "its counterpart without the mutant runs with the others"
    program = (sys.executable, "-m", f"tests.mutants.{mutant}")
    (verdict,) = await run([replace(whole, needs=Needs(programs=((service, program),)), quiet_s=40.0)])
    assert verdict.verdict == "fail"
    assert [line for line in verdict.violations if broken in line and line.startswith("invariant ")], verdict.violations
    assert not [line for line in verdict.violations if line.startswith("not reached: ")], verdict.violations
