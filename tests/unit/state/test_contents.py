"""What is taken along: every topic and every table is decided, each with its reason."""

from __future__ import annotations

import pytest

from models.codec import encode
from models.contacts import Contact
from models.topics import CONTACTS, REFERENCE_TOPICS, TOPICS, Component, read_by, written_by
from streams.faust_driver.epochs import MARK
from streams.kafka.acls import ROLES
from streams.kafka.partitioner import partition_of
from streams.settings import KafkaSettings
from streams.state.contents import LEFT_TOPICS, TAKEN_TABLES, TAKEN_TOPICS, Place, places

KAFKA = KafkaSettings(topic_prefix="p.", partitions=4)
ANN = Contact(contact="447700900123@c.us", source="crm", at_ms=1)
AT = partition_of(ANN.contact.encode(), 4)


def place(name: str) -> Place:
    return next(each for each in places(KAFKA) if each.name == name)


def test_every_topic_is_decided_once() -> None:
    assert sorted([*TAKEN_TOPICS, *LEFT_TOPICS]) == sorted(each.name for each in TOPICS)


def test_every_table_is_decided() -> None:
    assert set(TAKEN_TABLES) == {table for role in ROLES for table in role.tables}


def test_the_registry_names_who_takes_topics_along() -> None:
    taken = {each.name for each in written_by(Component.STATE)}
    assert taken == set(TAKEN_TOPICS)
    assert {each.name for each in read_by(Component.STATE)} == taken | {"workers.status"}


def test_what_is_left_of_the_present_is_written_anew() -> None:
    present = {each.name for each in REFERENCE_TOPICS}
    assert present - set(TAKEN_TOPICS) == {"bridges.health", "workers.status"}


def test_places_have_their_names_on_the_cluster() -> None:
    found = {each.name: (each.topic, each.partitions) for each in places(KAFKA)}
    assert found["topics/contacts"] == ("p.contacts", 4)
    assert found["topics/policies"] == ("p.policies", 1)
    assert found["tables/texts"] == ("p.ringfence-texts-changelog", 4)
    assert found["tables/episodes"] == ("p.ringfence-attrition-episodes-changelog", 4)
    assert [each.name for each in places(KAFKA) if each.fenced] == ["tables/texts"]


@pytest.mark.parametrize(
    ("key", "value", "partition", "fault"),
    [
        (ANN.contact, encode(ANN), AT, None),
        (ANN.contact, b"{}", AT, "contact: Field required (and 2 more)"),
        ("447700900124@c.us", encode(ANN), AT, "the value is not the one of its key"),
        (ANN.contact, encode(ANN), AT + 1, "it stands in another partition than its key's"),
    ],
)
def test_a_record_that_no_reader_takes_is_known(
    key: str, value: bytes, partition: int, fault: str | None
) -> None:
    assert place(f"topics/{CONTACTS.name}").fault(key.encode(), value, partition) == fault


def test_a_row_that_no_worker_reads_is_known() -> None:
    texts = place("tables/texts")
    assert texts.fault(b"london", b"{}", 0) is None
    assert texts.fault(b"london|1@c.us", b"{}", 0) == "command_id: Field required (and 1 more)"
    assert texts.fault(MARK, b"1", 0) == "it is a mark of an epoch, and no row"
