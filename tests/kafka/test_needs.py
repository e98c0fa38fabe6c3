"""What a version needs of a cluster beside its topics."""

from __future__ import annotations

from dataclasses import replace

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.kafka import needs
from streams.kafka.acls import WORKER, changelogs
from streams.kafka.connection import connection
from streams.settings import KafkaSettings


async def test_changelogs_that_are_missing_are_named_and_made(kafka: KafkaSettings) -> None:
    wanted = set(changelogs(kafka))
    found = await needs.check_changelogs(kafka)
    assert {(each.topic, each.what) for each in found} == {(name, "missing") for name in wanted}
    assert set(await needs.create_changelogs(kafka)) == wanted
    assert await needs.create_changelogs(kafka) == []
    assert await needs.check_changelogs(kafka) == []


async def test_a_changelog_with_other_partitions_is_named(kafka: KafkaSettings) -> None:
    name = WORKER.changelogs(kafka.topic_prefix)[0]
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, kafka.partitions + 1, 1)])
    finally:
        await admin.close()
    await needs.create_changelogs(kafka)
    (found,) = await needs.check_changelogs(kafka)
    assert (found.topic, found.what) == (name, "partitions")
    assert (found.wanted, found.found) == (str(kafka.partitions), str(kafka.partitions + 1))


async def test_a_cluster_without_an_authorizer_asks_for_no_acls(kafka: KafkaSettings) -> None:
    assert await needs.check_acls(kafka) is None
    # whoever has another name would be denied, were there one
    assert await needs.check_acls(kafka, [replace(WORKER, name="nobody")]) is None
