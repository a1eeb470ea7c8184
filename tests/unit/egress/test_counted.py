"""What happens to messages is counted, for whoever watches: each count moves when its thing happens."""

from __future__ import annotations

import msgspec
import pytest

from egress.lines.process import gauges, recovery
from egress.lines.results.bisect import BUDGET
from runtime import metrics
from runtime.metrics import Metric
from schemas.line_command import ControlLine
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo
from tests.unit.egress.test_checkpoints import busy, small
from tests.unit.egress.test_failures import notice, run, sent
from tests.unit.egress.test_orders import doubt, order
from tests.unit.egress.test_partition_model import model
from tests.unit.egress.test_replays import given_up
from tests.unit.egress.test_replays import model as patient


class Count:
    """How much a metric has moved since this was made."""

    def __init__(self, metric: Metric, **labels: str) -> None:
        self._metric, self._labels = metric, labels
        self._before = self._now()

    def _now(self) -> float:
        return metrics.PROCESS.value(self._metric, **self._labels)

    @property
    def moved(self) -> float:
        return self._now() - self._before


def tenant_of(made: Model) -> str:
    return made.plans()[-1].tenant


def test_each_call_of_a_batch_that_is_searched_is_counted_by_its_result() -> None:
    made = model()
    calls = {
        name: Count(metrics.EGRESS_BISECTS, tenant="acme", result=name) for name in ("halved", "refused", "accepted")
    }
    made.bad = {"5691"}
    sent(made, *(promo(f"t{n}", f"569{n}") for n in range(1, 5)))
    run(made)
    assert tenant_of(made) == "acme"
    assert {name: count.moved for name, count in calls.items()} == {"halved": 2, "refused": 1, "accepted": 2}
    assert BUDGET not in {outcome.code for outcome in made.outcomes()}


@pytest.mark.parametrize(("code", "then"), [("130429", "again"), ("131026", "final")])
def test_what_failed_after_it_was_accepted_is_counted_by_what_follows(code: str, then: str) -> None:
    made = model()
    count = Count(metrics.EGRESS_FAILURES, tenant="acme", then=then)
    first = sent(made, promo("t1", "5691"))
    made.put("inbound.receipts", notice(first.root_id, "5691", "INVALID", code))
    run(made)
    assert count.moved == 1


@pytest.mark.parametrize(
    ("why", "kind"), [("line_paused", "reply"), ("line_paused", "bulk"), ("not_before", "bulk"), ("waits", "reply")]
)
def test_what_is_parked_is_counted_by_kind_and_reason(why: str, kind: str) -> None:
    made = model()
    count = Count(metrics.EGRESS_PARKINGS, message_class=kind, reason=why)
    one = message("m1") if kind == "reply" else promo("m1", "5691")
    if why == "line_paused":
        made.put("lines.commands", ControlLine(id="1", did=DID, at_ms=WALL, by="ana", action="pause"))
    if why != "line_paused":
        one = msgspec.structs.replace(one, not_before_ms=WALL + 10**7)
    made.step()
    made.put("outbound.replies" if kind == "reply" else "outbound.templates", one)
    made.step()
    made.step("accept", made.rules.settings.park_after_s)
    assert count.moved == 1


@pytest.mark.parametrize("by", ["receipt", "person"])
def test_a_doubt_that_ends_is_counted_by_what_ended_it(by: str) -> None:
    made = model()
    counts = {one: Count(metrics.EGRESS_SETTLED, message_class="marketing", by=one) for one in ("receipt", "person")}
    made.put("outbound.templates", promo("t1", "5691"), promo("t2", "5692"))
    plan_id = doubt(made)
    if by == "person":
        made.put("lines.commands", order(plan_id, "drop"))
    else:
        made.put("inbound.receipts", notice(made.plans()[-1].root_id, "5691", "DELIVERY"))
    run(made)
    assert {one: count.moved for one, count in counts.items()} == {"receipt": 0, "person": 0} | {by: 2}


def test_a_checkpoint_that_moves_on_is_counted() -> None:
    count = Count(metrics.EGRESS_CHECKPOINTS)
    busy(small(), 200)
    assert count.moved > 1


def test_what_kafka_removed_unread_is_counted_by_topic() -> None:
    replies, receipts = (Count(metrics.EGRESS_UNREAD, topic=t) for t in ("outbound.replies", "inbound.receipts"))
    recovery._report({("outbound.replies", 3): 7, ("outbound.replies", 1): 2})
    assert (replies.moved, receipts.moved) == (9, 0)


def test_how_a_workers_lines_stand_is_shown_and_nothing_once_it_has_none() -> None:
    made = model()
    made.put("outbound.templates", promo("t1", "5691"), promo("t2", "5692"))
    doubt(made)
    made.put("lines.commands", ControlLine(id="1", did=DID, at_ms=WALL, by="ana", action="pause"))
    made.step()
    made.put("outbound.replies", message("r1"))
    made.step()
    made.step("accept", 600)
    shown = {
        "doubts": (metrics.EGRESS_IN_DOUBT, {"message_class": "marketing"}, 2),
        "oldest doubt": (metrics.EGRESS_OLDEST_DOUBT, {"message_class": "marketing"}, 600),
        "fullest": (metrics.EGRESS_FULLEST_LINE, {"message_class": "reply"}, 0),
        "parked": (metrics.EGRESS_PARKED, {"message_class": "reply"}, 1),
        "oldest": (metrics.EGRESS_PARKED_OLDEST, {}, 600),
        "tail": (metrics.EGRESS_JOURNAL_TAIL, {}, 2),
    }
    gauges.show([made.partition], made.now)
    assert {name: metrics.PROCESS.value(one, **labels) for name, (one, labels, _) in shown.items()} == {
        name: value for name, (_, _, value) in shown.items()
    }
    gauges.show([], made.now)
    assert {metrics.PROCESS.value(one, **labels) for one, labels, _ in shown.values()} == {0}


def test_of_several_lines_the_one_where_most_wait_is_shown() -> None:
    made = model()
    made.room = 0  # no call may be made
    made.put("outbound.replies", message("r1"), message("r2", "5692"))
    made.step()
    gauges.show([made.partition], made.now)
    assert metrics.PROCESS.value(metrics.EGRESS_FULLEST_LINE, message_class="reply") == 2


def test_a_message_that_nobody_tries_again_is_counted_as_dead() -> None:
    made = patient()
    count = Count(metrics.EGRESS_MESSAGES, tenant="acme", message_class="reply", outcome="dead")
    given_up(made, message("r1"))
    assert made.states() == {"r1": "dead"}
    assert count.moved == 1
