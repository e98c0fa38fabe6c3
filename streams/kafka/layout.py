"""Whether a cluster's topics are laid out as this version writes and reads them.

``topics apply`` leaves an empty topic whose name says the layout's version and for how many
partitions keys are placed (``models.topics.layout_topic``). A name is seen by everybody who lists
topics, which every part does at its start anyway; no record of it can be cleaned away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from models.topics import LAYOUT_NAME, LAYOUT_VERSION, Topic
from streams.common.errors import EnvironmentFaultError
from streams.kafka.connection import connection
from streams.settings import KafkaSettings

_ANSWER_MS: Final = 5_000


class LayoutError(EnvironmentFaultError):
    """The topics are laid out otherwise than here: waiting does not help."""


@dataclass(frozen=True, slots=True, order=True)
class Layout:
    """What ``topics apply`` left on a cluster."""

    version: int
    partitions: int
    """For how many partitions keys are placed, ``kafka.partitions`` at that time."""


def layouts(kafka: KafkaSettings, names: Iterable[str]) -> list[Layout]:
    """The layouts that the topics' names say, in order; several where two were applied."""
    form = re.compile(re.escape(kafka.topic_prefix + LAYOUT_NAME) + r"\.(\d{1,9})\.(\d{1,9})")
    found = (form.fullmatch(name) for name in names)
    return sorted(Layout(int(each[1]), int(each[2])) for each in found if each is not None)


def refuse_other_layout(kafka: KafkaSettings, names: Iterable[str]) -> None:
    """Raise ``LayoutError`` for a layout that is not ours; none at all is let pass."""
    for each in layouts(kafka, names):
        if each != Layout(LAYOUT_VERSION, kafka.partitions):
            raise LayoutError(_other(kafka, each))


async def refuse_layout(
    kafka: KafkaSettings,
    topics: Sequence[Topic],
    admin: AIOKafkaAdminClient,
    names: Collection[str],
) -> None:
    """As ``refuse_other_layout``, also where a topic has fewer partitions than keys are placed on.

    Topics that are not there are let pass. More partitions are no harm: keys are placed by
    ``kafka.partitions``, so that the others stay empty.
    """
    refuse_other_layout(kafka, names)
    wanted = {each.full_name(kafka.topic_prefix): each for each in topics}
    there_now = sorted(wanted.keys() & set(names))
    # of no names some brokers describe every topic
    for each in await admin.describe_topics(there_now) if there_now else ():
        name, there = each["topic"], len(each["partitions"])
        least = wanted[name].partitions or kafka.partitions
        if each["error_code"] == 0 and there < least:
            msg = (
                f"{name} has {there} partitions and kafka.partitions is {least}: add the missing"
                f" ones with `ringfence kafka tool kafka-topics --alter --topic {name}"
                f" --partitions {least}`"
            )
            raise LayoutError(msg)


async def require_layout(kafka: KafkaSettings, topics: Sequence[Topic] = ()) -> None:
    """Ask the cluster, and raise ``LayoutError`` as ``refuse_layout`` does.

    Raises aiokafka's errors where it does not answer.
    """
    admin = AIOKafkaAdminClient(
        **connection(kafka), client_id="ringfence-layout", request_timeout_ms=_ANSWER_MS
    )
    try:
        await admin.start()
        await refuse_layout(kafka, topics, admin, await admin.list_topics())
    finally:
        await admin.close()


def _other(kafka: KafkaSettings, found: Layout) -> str:
    prefix = f"with the prefix {kafka.topic_prefix!r}" if kafka.topic_prefix else "without a prefix"
    afresh = "or start afresh under another kafka.topic_prefix"
    if found.version != LAYOUT_VERSION:
        whose = "a newer" if found.version > LAYOUT_VERSION else "an older"
        return (
            f"the topics {prefix} are of {whose} Ringfence: their layout has version"
            f" {found.version}, and here it is {LAYOUT_VERSION}. Run the Ringfence that made them,"
            f" {afresh}"
        )
    return (
        f"the topics {prefix} were made for kafka.partitions: {found.partitions}, and here it is"
        f" {kafka.partitions}: callers would be looked for in the wrong place. Set"
        f" kafka.partitions: {found.partitions}, {afresh}"
    )
