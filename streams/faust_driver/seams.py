"""Every member of Faust, mode and aiokafka that this room builds on beyond their public API.

A new version of one of them may change any of these without saying so. Each stands here with a
hash of its source and the reason why it is needed; a unit test names exactly the members that are
not what they were, and that the list is complete. After such a change read the new source beside
ours, run the fault suite, and take the new hashes from ``python -m streams.faust_driver.seams``.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import re
import sys
from dataclasses import dataclass
from typing import Any, Final, Literal

Use = Literal["overridden", "patched", "private"]


@dataclass(frozen=True, slots=True)
class Seam:
    """One member of an upstream class."""

    owner: str
    """``module:Class`` that defines it."""
    member: str
    use: Use
    """``overridden``: a subclass here has its own, which may call it through ``super()``.
    ``patched``: set on an instance of theirs. ``private``: read or called."""
    digest: str
    """Of its source: a method's, or the lines of the class that annotate and assign it."""
    why: str

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.owner.replace(':', '.')}.{self.member}"


def digest_of(owner: str, member: str) -> str | None:
    """The hash of a member's source as it is installed; None where there is no such member."""
    source = _source(owner, member)
    return None if source is None else hashlib.sha256(source.encode()).hexdigest()[:12]


def changed() -> list[str]:
    """What is not as it was proven: one sentence for each member."""
    found = []
    for seam in SEAMS:
        now = digest_of(seam.owner, seam.member)
        if now is None:
            found.append(f"{seam.name} ({seam.use}) is gone; needed because: {seam.why}")
        elif now != seam.digest:
            found.append(
                f"{seam.name} ({seam.use}) has changed, {seam.digest} -> {now}; "
                f"needed because: {seam.why}"
            )
    return found


def _source(owner: str, member: str) -> str | None:
    module, _, name = owner.partition(":")
    try:
        cls: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    value = inspect.getattr_static(cls, member, None)
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, functools.cached_property):
        value = value.func
    elif isinstance(value, (classmethod, staticmethod)):
        value = value.__func__
    if inspect.isfunction(value):
        return inspect.getsource(value)
    # an attribute: its annotations and assignments, wherever in the class they stand
    pattern = re.compile(rf"\s+(?:self\.)?{member}\s*(?::[^=]+)?(?:=(?!=)|$|:)")
    lines = [line for line in inspect.getsource(cls).splitlines() if pattern.match(line)]
    return "\n".join(lines) or None


_CONSUMER = "faust.transport.consumer:Consumer"
_DELEGATE = "faust.transport.consumer:ThreadDelegateConsumer"
_DRIVER = "faust.transport.drivers.aiokafka:Consumer"
_THREAD = "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread"
_PRODUCER = "faust.transport.drivers.aiokafka:Producer"
_TRANSPORT = "faust.transport.drivers.aiokafka:Transport"
_APP = "faust.app.base:App"
_RECOVERY = "faust.tables.recovery:Recovery"
_MANAGER = "faust.tables.manager:TableManager"
_STORE = "faust.stores.memory:Store"
_MONITOR = "faust.sensors.monitor:Monitor"
_SERVICE = "mode.services:Service"
_SERVICE_THREAD = "mode.threads:ServiceThread"
_CLIENT = "aiokafka.client:AIOKafkaClient"
_CONNECTION = "aiokafka.conn:AIOKafkaConnection"
_CLOSED = "a write to a connection that has just closed must not end a task"
_KAFKA_CONSUMER = "aiokafka.consumer.consumer:AIOKafkaConsumer"
_COORDINATOR = "aiokafka.consumer.group_coordinator:GroupCoordinator"
_FETCHER = "aiokafka.consumer.fetcher:Fetcher"
_PARTITION = "aiokafka.consumer.subscription_state:TopicPartitionState"
_STRUCT = "aiokafka.protocol.struct:Struct"
_FETCH = "aiokafka.protocol.fetch:FetchRequest_v11"

_NO_THREAD = "a consumer thread costs several tasks and wake-ups for each call into it"
_TERMS = "a static member that takes its place back keeps the group's generation"
_FLOW = "a recovery that a rebalance overtook must neither resume nor seek"
_NO_LOSS = "the commit must never step over an event that somebody holds"
_IDLE = "every record is written by a DurableProducer; Faust's producer must not connect"
_QUIET = "statistics for each event that nobody reads"
_SESSIONS = "fetching in sessions: a request names only what changed"
_LOOP_TURN = "a task and a timer for each record that is delivered"
_REPLAY = "changelog records go from the fetch into the table"

SEAMS: Final = (
    # --- faust: assignor
    Seam(
        "faust.assignor.partition_assignor:PartitionAssignor",
        "assign",
        "overridden",
        "25f1cbbba9d4",
        "partitions that somebody adds to a topic part it from its tables",
    ),
    # --- faust: consumer
    Seam(
        _SERVICE,
        "__post_init__",
        "overridden",
        "f06a039bd6aa",
        "the consumer's own account of offsets",
    ),
    Seam(_DRIVER, "_new_consumer_thread", "overridden", "0870ec53dea7", _NO_THREAD),
    Seam(
        _CONSUMER,
        "resume_partitions",
        "overridden",
        "afe6b7c02a41",
        "Faust resumes streams before it seeks: what is fetched in between is lost",
    ),
    Seam(
        _CONSUMER,
        "on_buffer_drop",
        "overridden",
        "4b57e8a418d5",
        "fetch at once what there is room for",
    ),
    Seam(
        _CONSUMER,
        "perform_seek",
        "overridden",
        "0e8c130ff4b0",
        "streams are resumed after the seek, and where reading began is noted",
    ),
    Seam(
        _CONSUMER,
        "on_partitions_revoked",
        "overridden",
        "d04b7ae72c6f",
        "what is in work is finished and committed before Faust forgets its acknowledgements",
    ),
    Seam(
        _CONSUMER,
        "on_partitions_assigned",
        "overridden",
        "29ce96596f05",
        "everything is paused from the first moment; a join counts as a heartbeat",
    ),
    Seam(_DRIVER, "RebalanceListener", "overridden", "e393554432c0", _TERMS),
    Seam(
        "faust.transport.drivers.aiokafka:ConsumerRebalanceListener",
        "on_partitions_assigned",
        "overridden",
        "1c1f8406ad36",
        _TERMS,
    ),
    Seam("faust.types.app:AppT", "consumer_generation_id", "patched", "a1cea3329d31", _TERMS),
    Seam(_CONSUMER, "resume_flow", "overridden", "db59630f25b5", _FLOW),
    Seam(
        _CONSUMER,
        "wait_empty",
        "overridden",
        "e4662fe24f09",
        "Faust waits for ever for events in work",
    ),
    Seam(
        _CONSUMER,
        "_commit_offsets",
        "overridden",
        "1a6979904118",
        "a frozen coordinator must hold up no rebalance; no log table for each commit",
    ),
    Seam(_CONSUMER, "_new_offset", "overridden", "1d2c7ea89a7a", _NO_LOSS),
    Seam(
        _CONSUMER,
        "getmany",
        "overridden",
        "4b168d84882a",
        "a rebalance waits for the fetch; what is delivered is noted",
    ),
    Seam(_CONSUMER, "ack", "overridden", "5fcf41cf4515", _NO_LOSS),
    Seam(
        _CONSUMER,
        "_wait_next_records",
        "overridden",
        "6218e1969a63",
        "no pause of a second in each rebalance, no seek behind one that is under way",
    ),
    Seam(_SERVICE, "sleep", "overridden", "377e95908e87", _LOOP_TURN),
    Seam(_SERVICE, "wait_first", "overridden", "feade6a31f8a", _LOOP_TURN),
    Seam(
        _CONSUMER,
        "verify_all_partitions_active",
        "overridden",
        "4e0e46f5c297",
        "walks all partitions twice a second, only to log",
    ),
    Seam(_CONSUMER, "_acked", "private", "daadbf1948ff", _NO_LOSS),
    Seam(_CONSUMER, "_unacked_messages", "private", "79f3c1da55cf", "what a rebalance waits for"),
    Seam(
        _CONSUMER,
        "_committed_offset",
        "private",
        "6ce8ebced508",
        "where reading begins after a seek",
    ),
    Seam(_CONSUMER, "_buffered_partitions", "private", "8c28065d43d6", "streams that have no room"),
    Seam(
        _CONSUMER,
        "_paused_partitions",
        "private",
        "aa6b91755566",
        "everything paused while assigned",
    ),
    Seam(_CONSUMER, "_get_active_partitions", "private", "b24897f3c7af", "what is to be fetched"),
    Seam(
        _CONSUMER, "_is_changelog_tp", "private", "88867d75cfe9", "changelogs are resumed at once"
    ),
    Seam(_DELEGATE, "_commit", "private", "a20eec84e4b2", "the commit itself, within a time limit"),
    Seam(
        _DELEGATE, "_thread", "private", "7e93a1681111", "to wake the fetcher, and for heartbeats"
    ),
    # --- faust and mode: the consumer's thread, which is none here
    Seam(_SERVICE_THREAD, "start", "overridden", "f11841038a03", _NO_THREAD),
    Seam(_SERVICE_THREAD, "stop", "overridden", "32d026539c36", _NO_THREAD),
    Seam(
        "mode.threads:QueueServiceThread", "call_thread", "overridden", "479edda75b54", _NO_THREAD
    ),
    Seam(_SERVICE_THREAD, "_thread_started", "private", "c3fed1203fdc", _NO_THREAD),
    Seam(_SERVICE_THREAD, "_shutdown_thread", "private", "d7377862e734", _NO_THREAD),
    Seam(_SERVICE, "_default_start", "private", "7e591ae8c14f", _NO_THREAD),
    Seam(_SERVICE, "_stopped", "private", "2c92d089c58e", _NO_THREAD),
    Seam(
        _THREAD, "assignment", "overridden", "61f105132ae6", "worked out once for each assignment"
    ),
    Seam(
        _THREAD,
        "_create_consumer",
        "overridden",
        "a4dc6ba0681a",
        "Faust lets a frozen broker keep every request waiting for 90 s",
    ),
    Seam(_THREAD, "on_start", "overridden", "38b4e8bd1e10", "fetch sessions, and heartbeats noted"),
    Seam(
        _THREAD,
        "_fetch_records",
        "overridden",
        "39a2c6c79fc1",
        "Faust passes a live set that a rebalance empties; aiokafka reads that as all partitions",
    ),
    Seam(_THREAD, "_ensure_consumer", "private", "ff4a4c693b7e", "aiokafka's consumer"),
    # --- faust: app, producer, transport, statistics
    Seam(_APP, "__init__", "overridden", "698e2bf236c6", "the table manager below"),
    Seam(
        _APP, "on_start", "overridden", "480d70c6c72d", "producers and gateways start before agents"
    ),
    Seam(
        _APP, "on_stop", "overridden", "bfe5a933defb", "without a broker Faust would wait for ever"
    ),
    Seam(_APP, "_new_transport", "overridden", "42db531312dd", "this consumer"),
    Seam(_APP, "_new_producer_transport", "overridden", "eb3b4aa6a896", _IDLE),
    Seam(_TRANSPORT, "Consumer", "overridden", "a5ad07038cc0", "this consumer"),
    Seam(_TRANSPORT, "Producer", "overridden", "1d46e065307d", _IDLE),
    Seam(_PRODUCER, "on_start", "overridden", "219c9a7a785d", _IDLE),
    Seam(_PRODUCER, "on_stop", "overridden", "86799c5ab7b6", _IDLE),
    Seam(_PRODUCER, "flush", "overridden", "36d0cb3615f6", _IDLE),
    Seam(_PRODUCER, "create_topic", "overridden", "d2d406c4b9a4", _IDLE),
    Seam(_MONITOR, "on_message_in", "overridden", "b2a9a9045b2f", _QUIET),
    Seam(_MONITOR, "on_message_out", "overridden", "7c4054247cde", _QUIET),
    Seam(_MONITOR, "on_stream_event_in", "overridden", "df6d2e5f6397", _QUIET),
    Seam(_MONITOR, "on_stream_event_out", "overridden", "2d2277a6dbda", _QUIET),
    Seam(_MONITOR, "track_tp_end_offset", "overridden", "94ceb4542d7c", _QUIET),
    # --- faust: tables and their recovery
    Seam(_MANAGER, "recovery", "overridden", "f0bf5de78b4c", _REPLAY),
    Seam(_MANAGER, "_recovery", "private", "99337c2aaaf9", _REPLAY),
    Seam(_MANAGER, "_changelogs", "private", "4f9dd5f2ac2d", _REPLAY),
    Seam(
        _RECOVERY,
        "_wait",
        "overridden",
        "ec7429b70176",
        "after 90 s Faust ends a recovery in silence",
    ),
    Seam(
        _RECOVERY,
        "_set_recovery_started",
        "overridden",
        "bcfebf81ae13",
        "an old signal must not end the next recovery before it begins",
    ),
    Seam("faust.tables.base:Collection", "_data", "patched", "cdf142e457e0", "the store below"),
    Seam(_STORE, "__post_init__", "overridden", "e59c82f37854", "kept by partition"),
    Seam(_STORE, "apply_changelog_batch", "overridden", "71863e3cd727", "kept by partition"),
    Seam(
        _STORE,
        "persisted_offset",
        "overridden",
        "fbba5c654497",
        "no rebalance reads a changelog again",
    ),
    Seam(
        "faust.stores.base:Store",
        "on_rebalance",
        "overridden",
        "a32fbe3c18de",
        "partitions that were lost are forgotten",
    ),
    Seam(
        _STORE, "on_recovery_completed", "overridden", "a00bef343e13", "nothing is left to forget"
    ),
    # --- aiokafka: client and coordinator
    Seam(
        _CLIENT, "_request_timeout_ms", "patched", "4f1d550f0979", "a frozen broker answers nothing"
    ),
    Seam(
        _CLIENT,
        "_metadata_update",
        "patched",
        "06dc51ed3e0d",
        "asks hundreds of times a second otherwise",
    ),
    Seam(_CONNECTION, "send", "patched", "5909ea32f4ef", _CLOSED),
    Seam(_CONNECTION, "_send_sasl_token", "patched", "7a3d948fc526", _CLOSED),
    Seam(
        "aiokafka.admin.client:AIOKafkaAdminClient",
        "_send_request",
        "private",
        "1ed126f126dd",
        "no public method asks for ACLs",
    ),
    Seam(_KAFKA_CONSUMER, "_client", "private", "91294473db3c", "to pace and to ask for metadata"),
    Seam(
        _KAFKA_CONSUMER, "_coordinator", "private", "d49ee48abc8c", "heartbeats prove the ownership"
    ),
    Seam(_KAFKA_CONSUMER, "_fetcher", "private", "13cf56094ed1", _SESSIONS),
    Seam(
        _KAFKA_CONSUMER,
        "_subscription",
        "private",
        "39c8b5254201",
        "its identity is the assignment's",
    ),
    Seam(
        "aiokafka.producer.producer:AIOKafkaProducer",
        "_sender",
        "private",
        "469d8dc3a746",
        "to drop what a lost broker will never acknowledge",
    ),
    Seam(
        _COORDINATOR, "_do_heartbeat", "patched", "dc1d6632aaa6", "heartbeats prove the ownership"
    ),
    Seam(_COORDINATOR, "_send_req", "private", "fa4b12e914ce", "a commit proves the membership"),
    Seam(_COORDINATOR, "_session_timeout_ms", "private", "90a2993eaa02", "how long one may take"),
    # --- aiokafka: fetching
    Seam(
        _FETCHER,
        "_proc_fetch_request",
        "patched",
        "59bf948fff47",
        "a frozen broker answers nothing",
    ),
    Seam(_FETCHER, "_get_actions_per_node", "patched", "1dab2cf937d1", _SESSIONS),
    Seam(_FETCHER, "_client", "private", "bd1d9d483c70", "to ask who leads a partition"),
    Seam(_FETCHER, "_fetch_min_bytes", "private", "440e36b8532f", _SESSIONS),
    Seam(_FETCHER, "_fetch_max_bytes", "private", "f946b2c1208f", _SESSIONS),
    Seam(_FETCHER, "_max_partition_fetch_bytes", "private", "fe5d4c5d1949", _SESSIONS),
    Seam(_FETCHER, "_isolation_level", "private", "f302e687b2e5", _SESSIONS),
    Seam(_FETCHER, "_fetcher_timeout", "private", "b9a7e15e0a1d", _SESSIONS),
    Seam(_FETCHER, "_in_flight", "private", "1571bbaaeca9", _SESSIONS),
    Seam(_FETCHER, "_records", "private", "4e722f263f99", _SESSIONS),
    Seam(_FETCHER, "_notify", "private", "d3a30d94f34f", "to fetch at once what was resumed"),
    Seam(
        _FETCHER,
        "_wait_consume_future",
        "private",
        "206f0e9bae77",
        "to fetch at once what was resumed",
    ),
    Seam(
        "aiokafka.cluster:ClusterMetadata",
        "_partitions",
        "private",
        "072971f795ca",
        "who leads what",
    ),
    Seam(
        _PARTITION,
        "_position",
        "private",
        "5bf44c0d1a18",
        "most of what a fetch costs is this walk",
    ),
    Seam(
        _PARTITION, "highwater", "patched", "121678adb97e", "an answer tells it before it is taken"
    ),
    Seam(_STRUCT, "__init__", "overridden", "a825012e315c", _SESSIONS),
    Seam(_STRUCT, "encode", "overridden", "ede5976c899d", _SESSIONS),
    Seam(_STRUCT, "decode", "overridden", "cc0ed4fa7c76", _SESSIONS),
    Seam(_STRUCT, "__repr__", "overridden", "237eb4a68c45", _SESSIONS),
    Seam(_FETCH, "RESPONSE_TYPE", "overridden", "43aa594fd4ac", _SESSIONS),
)


if __name__ == "__main__":
    for each in SEAMS:
        sys.stdout.write(f"{digest_of(each.owner, each.member)}  {each.name}\n")
    sys.exit(bool(changed()))
