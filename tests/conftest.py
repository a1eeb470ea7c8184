"""The order of the files, and the end of logs.

Those files that take longest begin first, so that none is left to run alone at the end; and of those that start all
services not too many at a time, for each wants a core. Nothing depends on it; a file that is missing here merely begins
later. By what each took when several ran side by side.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.logs import output

ROOT = Path(__file__).parent
LONGEST = (
    "drills/test_brief.py",
    "system/test_hybrid.py",
    "kafka/test_egress_parking.py",
    "kafka/test_crash_members.py",
    "system/test_demo.py",
    "kafka/test_engine_faults.py",
    "kafka/test_egress_answers.py",
    "drills/test_mutants.py",
    "kafka/test_agents.py",
    "kafka/test_egress_lines.py",
    "system/test_kills.py",
    "kafka/test_egress_crashes.py",
    "kafka/test_egress_replays.py",
    "system/test_first_agent.py",
    "kafka/test_campaign_submit.py",
    "kafka/test_egress_campaigns.py",
    "kafka/test_engine_topics.py",
    "system/test_demo_mock.py",
    "kafka/test_sandbox_kafka.py",
    "kafka/test_cli.py",
    "drills/test_own.py",
    "system/test_readme.py",
    "kafka/test_consumer.py",
    "kafka/test_crash_points.py",
    "kafka/test_cli_doubt.py",
    "kafka/test_cli_dlq.py",
)
_PLACES = {ROOT / name: place for place, name in enumerate(LONGEST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _PLACES.get(item.path, len(LONGEST)))


@pytest.fixture(autouse=True)
def logs_end_with_the_test() -> Iterator[None]:
    """Logs that a test sends somewhere go nowhere after it: what it captured them in is closed."""
    yield
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, output._Handler)]:
        root.removeHandler(handler)
