"""What retention a cluster has in force for its topics."""

from __future__ import annotations

from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka.connection import connection
from streams.settings import KafkaSettings

_FOREVER = "-1"
_FOREVER_MS = 1 << 53


async def kept_ms(kafka: KafkaSettings, names: Collection[str]) -> dict[str, int]:
    """How long each topic (full name) keeps every record, in ms.

    Left out are topics whose size is bounded too, for they may lose records at any age, and those
    whose settings we may not read (the ACL DescribeConfigs). Raises aiokafka's errors where the
    cluster does not answer.
    """
    admin = AIOKafkaAdminClient(**connection(kafka), client_id="ringfence-console")
    try:
        await admin.start()
        answers = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs=None) for name in names]
        )
    finally:
        await admin.close()
    found: dict[str, int] = {}
    for answer in answers:
        for code, _message, _kind, name, entries, *_ in answer.resources:
            values = {entry[0]: str(entry[1]) for entry in entries}
            age, size = values.get("retention.ms", ""), values.get("retention.bytes", "")
            if code == 0 and size == _FOREVER and age.lstrip("-").isdecimal():
                found[name] = _FOREVER_MS if age == _FOREVER else int(age)
    return found
