"""``ringfence contacts`` on a real broker: imported, resumed, shown, taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from models import topics
from models.codec import decode
from models.contacts import Contact
from models.identity_links import CallerLinked
from models.records import Record
from streams.callers import contact_import
from streams.callers.contact_import import Imported, Importer, remove, show
from streams.callers.import_bookmark import Bookmark
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.kafka.producer import DurableProducer
from streams.settings import KafkaSettings
from tests.contract.test_bridge_kafka import written

HEAD = "jid,tier,aliases\n"
LID, PHONE, OTHER = "900000000000143@lid", "447700900123@c.us", "447700900456@c.us"


def number(n: int) -> str:
    return f"44770090{n:04}"


def importer(path: Path, kafka: KafkaSettings, *, stop_after: int | None = None) -> Importer:
    """``stop_after``: breaks off as a Ctrl-C would, after so many rows."""

    def progress(done: Imported) -> None:
        if stop_after is not None and done.rows >= stop_after:
            raise KeyboardInterrupt

    return Importer(path, kafka, on_progress=progress)


async def contacts(kafka: KafkaSettings) -> list[Contact | None]:
    return [
        None if r.value is None else decode(Contact, r.value)
        for r in await written(kafka, topics.CONTACTS)
    ]


async def test_rows_and_their_aliases_are_imported_and_faults_listed(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + f"{PHONE},gold,{LID};{OTHER}\n0,gold,\n{number(777)},silver,\n")
    done = await importer(path, kafka).run(resume=False)
    assert (done.contacts, done.faults) == (2, 1)
    found = await show(kafka, LID)
    assert found is not None
    assert (found.contact, found.tier, found.source) == (PHONE, "gold", "import")
    links = {
        r.key: decode(topics.IDENTITIES.values, r.value)
        for r in await written(kafka, topics.IDENTITIES)
    }
    assert {link.caller for link in links.values()} == {PHONE}
    assert set(links) == {f"{each}/contact/{PHONE}".encode() for each in (LID, OTHER)}
    for topic in (topics.MESSAGES_EVENTS, topics.CALLS_EVENTS):
        words = [decode(topic.values, r.value) for r in await written(kafka, topic)]
        assert {word.alias for word in words if isinstance(word, CallerLinked)} == {LID, OTHER}
    # the same file again: the same records, and no link is told twice
    await importer(path, kafka).run(resume=False)
    assert len(await written(kafka, topics.IDENTITIES)) == 2
    await remove(kafka, LID)
    assert await show(kafka, PHONE) is None
    assert [r.value for r in await written(kafka, topics.IDENTITIES)][-2:].count(None) >= 1


async def test_an_import_that_was_broken_off_goes_on_where_it_stopped(
    kafka: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_import, "BATCH", 10)
    path = tmp_path / "crm.csv"
    path.write_text(
        HEAD + "".join(f"{number(n)},gold,\n" if n % 7 else "0,,\n" for n in range(100))
    )
    with pytest.raises(KeyboardInterrupt):
        await importer(path, kafka, stop_after=40).run(resume=False)
    assert len(await contacts(kafka)) == 34
    assert Bookmark.place(path).exists()
    done = await importer(path, kafka).run(resume=True)
    assert (done.rows, done.skipped, done.contacts) == (100, 40, 51)
    found = await contacts(kafka)
    assert len(found) == len({each.contact for each in found if each is not None}) == 85
    assert not Bookmark.place(path).exists()
    assert path.with_name("crm.errors.csv").read_text().count("\n") == 16


async def test_who_is_named_twice_is_counted_and_the_later_row_holds(
    kafka: KafkaSettings, tmp_path: Path
) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + f"{PHONE},gold,\n{OTHER},gold,\n+44 7700 900123,silver,\n")
    done = await importer(path, kafka).run(resume=False)
    assert (done.contacts, done.repeated) == (3, 1)
    found = await show(kafka, PHONE)
    assert found is not None
    assert found.tier == "silver"


async def test_a_record_that_cannot_be_read_is_told_with_the_mend(kafka: KafkaSettings) -> None:
    producer = DurableProducer(kafka, "test")
    await producer.start()
    await producer.send(Record(topics.CONTACTS, PHONE.encode(), b"{}", []))
    await producer.stop()
    with pytest.raises(RingfenceError, match="put it again"):
        await show(kafka, PHONE)


async def test_without_a_broker_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + f"{PHONE},gold,\n")
    with pytest.raises((EnvironmentFaultError, KafkaError)):
        async with asyncio.timeout(60):
            await importer(path, KafkaSettings(bootstrap_servers="127.0.0.1:1")).run(resume=False)
    assert not Bookmark.place(path).exists()
