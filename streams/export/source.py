"""What an export is of: the cluster, and the topics that somebody named."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from models.topics import TOPICS, Topic
from streams.common.errors import ConfigurationError, EnvironmentFaultError
from streams.kafka.cluster import require
from streams.kafka.connection import connection
from streams.settings import KafkaSettings


async def cluster_id(kafka: KafkaSettings) -> str:
    """The id that the cluster gave itself when it was made.

    Raises ``EnvironmentFaultError`` where it does not answer.
    """
    await require(kafka)
    admin = AIOKafkaAdminClient(**connection(kafka), client_id="ringfence-export")
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    except (KafkaError, OSError, TimeoutError) as exc:
        msg = f"Kafka at {kafka.bootstrap_servers} does not say which cluster it is: {exc}"
        raise EnvironmentFaultError(msg) from exc
    finally:
        await admin.close()


def topics_named(names: Iterable[str]) -> tuple[Topic, ...]:
    """The registry's topics of these names, in its order; all where none is named.

    Names are without the prefix. Raises ``ConfigurationError`` for a name that is none, with the
    nearest that is.
    """
    by_name = {topic.name: topic for topic in TOPICS}
    wanted = set(names) or set(by_name)
    for name in sorted(wanted - by_name.keys()):
        near = difflib.get_close_matches(name, by_name, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_name)}"
        msg = f"there is no topic {name!r}: {meant}"
        raise ConfigurationError(msg)
    return tuple(topic for topic in TOPICS if topic.name in wanted)
