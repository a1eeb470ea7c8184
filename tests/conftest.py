"""The order of the files: those that take longest begin first, so that none is left to run alone at the end.

Nothing depends on it; a file that is missing here merely begins later. By what each took when several ran side by side.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
LONGEST = (
    "drills/test_brief.py",
    "drills/test_mutants.py",
    "system/test_hybrid.py",
    "system/test_demo.py",
    "kafka/test_egress_parking.py",
    "kafka/test_crash_members.py",
    "system/test_kills.py",
    "kafka/test_engine_faults.py",
    "kafka/test_egress_answers.py",
    "kafka/test_agents.py",
    "kafka/test_egress_lines.py",
    "kafka/test_egress_crashes.py",
    "kafka/test_egress_replays.py",
    "kafka/test_campaign_submit.py",
    "kafka/test_egress_campaigns.py",
    "kafka/test_engine_topics.py",
    "kafka/test_sandbox_kafka.py",
    "kafka/test_cli.py",
    "system/test_first_agent.py",
    "system/test_readme.py",
    "system/test_demo_mock.py",
    "kafka/test_consumer.py",
    "kafka/test_crash_points.py",
    "kafka/test_cli_doubt.py",
    "kafka/test_cli_dlq.py",
    "deploy/test_watched.py",
)
_PLACES = {ROOT / name: place for place, name in enumerate(LONGEST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _PLACES.get(item.path, len(LONGEST)))
