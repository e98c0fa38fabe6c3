"""Who is owed a callback, as the command line shows and closes it, on the real topic."""

from __future__ import annotations

from models.callbacks import Callback
from models.contacts import IdentityLink
from models.records import reference
from streams.callbacks.listing import close, owed, rows
from streams.common.table import table
from streams.kafka.producer import DurableProducer
from streams.settings import KafkaSettings
from tests.support.records import T0


def callback(caller: str, opened_at_ms: int, line: str = "london") -> Callback:
    return Callback(
        caller=caller,
        line=line,
        state="open",
        reason="desk",
        decision_id=f"{line}/{caller}",
        opened_at_ms=opened_at_ms,
    )


async def test_callbacks_stand_by_their_first_call_and_close_by_hand(
    kafka: KafkaSettings,
) -> None:
    producer = DurableProducer(kafka, "test")
    await producer.start()
    try:
        for each in (
            callback("447700900102@c.us", T0 + 60_000),
            callback("447700900101@c.us", T0),
            callback("447700900103@c.us", T0 + 30_000, line="paris"),
        ):
            await producer.send(reference(each, "/test", each.opened_at_ms))
    finally:
        await producer.stop()
    assert [each.caller[:12] for each in await owed(kafka, "london")] == [
        "447700900101",
        "447700900102",
    ]
    lines = list(table(rows(await owed(kafka, None), T0 + 180_000, full=False)))
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3"]
    assert "+447•••••••01" in lines[1]
    assert "3 min" in lines[1]
    assert "447700900101" not in "".join(line.rpartition("  ")[0] for line in lines)
    assert await close(kafka, "447700900101@c.us", T0 + 180_000)
    assert not await close(kafka, "447700900101@c.us", T0 + 180_000)
    assert [each.caller for each in await owed(kafka, "london")] == ["447700900102@c.us"]


async def test_a_callback_closes_by_any_name_of_its_caller(kafka: KafkaSettings) -> None:
    """By the number as people write it, and by the LID that a message linked to it."""
    jid, lid = "551187654321@c.us", "900000000000143@lid"
    link = IdentityLink(alias=lid, caller=jid, source="payload", at_ms=T0)
    async with DurableProducer(kafka, "test") as producer:
        await producer.send(reference(link, "/test", T0))
        for name in ("5511987654321@c.us", lid):
            await producer.send(reference(callback(jid, T0), "/test", T0))
            assert await close(kafka, name, T0 + 1)
            assert await owed(kafka, None) == []
