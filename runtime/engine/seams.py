"""Seams: what the engine leans on inside Faust, mode and aiokafka, checked at every start and in a test.

The three are pinned exactly, and what is listed here is not promised by any of them. A new version may be tried
by raising the pin: `check` names each seam that changed, and the engine's tests with a broker do the rest.
"""

import inspect
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import aiokafka
import faust
from aiokafka.consumer.fetcher import Fetcher as AiokafkaFetcher
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment, TopicPartitionState
from faust.tables.recovery import Recovery
from faust.transport import base
from faust.transport.consumer import Fetcher
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import ConsumerMessage
from mode.services import Service
from mode.threads import QueueServiceThread, ServiceThread

VERSIONS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}

# Functions that we override or call, with the parameters that we name or pass by place.
FUNCTIONS: tuple[tuple[object, str, str], ...] = (
    (driver.Consumer, "_new_consumer_thread", "self"),
    (driver.Consumer, "_drain_messages", "self fetcher"),
    (driver.Consumer, "on_partitions_revoked", "self revoked"),
    (driver.Consumer, "on_partitions_assigned", "self assigned generation_id"),
    (driver.Consumer, "perform_seek", "self"),
    (driver.Consumer, "commit", "self topics start_new_transaction"),
    (driver.Consumer, "force_commit", "self topics start_new_transaction"),
    (driver.Consumer, "verify_event_path", "self now tp"),
    (driver.AIOKafkaConsumerThread, "_create_worker_consumer", "self transport"),
    (driver.AIOKafkaConsumerThread, "_ensure_consumer", "self"),
    (driver.AIOKafkaConsumerThread, "getmany", "self active_partitions timeout"),
    (driver.AIOKafkaConsumerThread, "_fetch_records", "self consumer active_partitions timeout max_records"),
    (QueueServiceThread, "call_thread", "self fun args kwargs"),
    (ServiceThread, "__init__", "self executor loop thread_loop Worker kwargs"),
    (Service, "_crash", "self reason"),
    (faust.App, "on_first_start", "self"),
    (base.Producer, "flush", "self"),
    (base.Producer, "send_soon", "self fut"),
    (GroupCoordinator, "check_errors", "self"),
    (GroupCoordinator, "_on_join_prepare", "self previous_assignment"),
    (AiokafkaFetcher, "fetched_records", "self partitions timeout max_records"),
    (PartitionRecords, "_consumer_record", "self tp record"),
    (FetchResult, "__init__", "self tp assignment partition_records backoff"),
    (Assignment, "state_value", "self tp"),
    (aiokafka.AIOKafkaConsumer, "seek", "self partition offset"),
)

# Arguments among others.
ARGUMENTS: tuple[tuple[Callable[..., Any], str], ...] = (
    (ConsumerMessage, "generation_id"),
    (aiokafka.AIOKafkaConsumer, "group_instance_id isolation_level fetch_max_wait_ms rebalance_timeout_ms"),
)

# What functions of theirs do, as far as the engine depends on it.
BEHAVIOURS: tuple[tuple[Callable[..., Any], str], ...] = (
    (Fetcher._fetcher.fun, "consumer._drain_messages(self)"),
    (Recovery._restart_recovery.fun, "if not self.tables or"),
    (Recovery._resume_streams, "consumer.perform_seek()"),
    (Recovery._resume_streams, "consumer.resume_flow()"),
    (Recovery._resume_streams, "_fetcher.maybe_start()"),
    (driver.ConsumerRebalanceListener.on_partitions_assigned, "app.consumer_generation_id = generation"),
    (driver.AIOKafkaConsumerThread._fetch_records, "if not self.consumer.flow_active:"),
    (GroupCoordinator._on_join_prepare, "await res"),
    (GroupCoordinator.check_errors, "self._coordination_task.result()"),
    (GroupCoordinator._push_error_to_user, "self._pending_exception = exc"),
    (GroupCoordinator.reset_generation, "self.member_id ="),
    (AiokafkaFetcher.fetched_records, "reassignment_in_progress"),
    (AiokafkaFetcher.__init__, "self._records = collections.OrderedDict()"),
    (AiokafkaFetcher._proc_fetch_request, "self._records[tp] = FetchResult("),
    (PartitionRecords._unpack_records, "consumer_record = self._consumer_record(tp, record)"),
    (FetchResult.__init__, "self._partition_records = partition_records"),
    (FetchResult.getall, "self._update_position()"),
    (TopicPartitionState.has_valid_position.fget, "self._position is not None"),
    (aiokafka.AIOKafkaConsumer.last_stable_offset, "self._subscription.subscription.assignment"),
)


class SeamsChanged(RuntimeError):
    """A library is not the one that the engine was built on. The message has a line for each difference."""


def check() -> None:
    """Raises SeamsChanged if any seam is not as expected."""
    found = [*_versions(), *_functions(), *_arguments(), *_behaviours()]
    if found:
        raise SeamsChanged("the engine does not fit its libraries:\n" + "\n".join(f"  {line}" for line in found))


def _versions() -> Iterable[str]:
    for name, expected in VERSIONS.items():
        if version(name) != expected:
            yield f"{name} is {version(name)}, expected {expected}"
    if not hasattr(TRANSPORTS, "aliases"):
        yield "faust.transport.drivers.TRANSPORTS has no aliases"


def _functions() -> Iterable[str]:
    for owner, name, expected in FUNCTIONS:
        function = getattr(owner, name, None)
        if function is None:
            yield f"{owner!r} has no {name}"
        elif (parameters := _parameters(function)) != expected.split():
            yield f"{owner!r}.{name} takes {' '.join(parameters)}, expected {expected}"


def _arguments() -> Iterable[str]:
    for function, expected in ARGUMENTS:
        for name in set(expected.split()) - set(_parameters(function)):
            yield f"{function!r} takes no {name}"


def _behaviours() -> Iterable[str]:
    for function, fragment in BEHAVIOURS:
        if fragment not in inspect.getsource(function):
            yield f"{function.__qualname__} does not contain {fragment!r}"


def _parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)
