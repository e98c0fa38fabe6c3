"""``PUT``, ``DELETE`` and ``GET /contacts/{jid}``: who a caller is, for a CRM's webhook."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Final

from aiohttp import web

from streams.bridge.admin.endpoint import (
    AnswerError,
    FieldError,
    answer,
    body_of,
    not_found,
    not_now,
    record,
)
from streams.bridge.error_response import error
from streams.bridge.publisher import Publisher
from streams.bridge.reference_follower import ReferenceFollower
from streams.callers.contact_lookup import find_contact
from streams.callers.contact_records import keys_of, put_records, removal_records
from streams.callers.contact_rows import ContactError, read_contact, read_jid
from streams.common.clock import Clock
from streams.common.errors import EnvironmentFaultError, RingfenceError
from streams.settings import KafkaSettings

SOURCE: Final = "/bridge/contacts"
TELLER: Final = "crm"


class ContactDesk:
    """The CRM's records. A ``PUT`` is the whole record.

    What it leaves out is not known any more.
    """

    def __init__(
        self, known: ReferenceFollower, publisher: Publisher, kafka: KafkaSettings, clock: Clock
    ) -> None:
        self._known = known
        self._publisher = publisher
        self._kafka = kafka
        self._clock = clock
        self._one_look = asyncio.Lock()

    async def put(self, request: web.Request) -> web.Response:
        """Take a record; answered once it and the links of its aliases are durable."""
        who = request.match_info["jid"]
        body = await body_of(request)
        self._require_known()
        now_ms = self._clock()
        try:
            said = read_contact(who, body, TELLER, now_ms)
        except ContactError as fault:
            raise FieldError(field=fault.field, hint=fault.hint) from None
        links = self._known.callers.changes(now_ms)
        contact, found = put_records(said, links, SOURCE)
        await record(self._publisher, *found)
        self._known.callers.confirm(links)
        return answer(asdict(contact))

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a record, and the links that it made; may be repeated."""
        jid = _jid(request)
        self._require_known()
        now_ms = self._clock()
        links = self._known.callers.changes(now_ms)
        await record(self._publisher, *removal_records(jid, links, SOURCE, now_ms))
        self._known.callers.confirm(links)
        return answer({"contact": jid, "removed": True})

    async def get(self, request: web.Request) -> web.Response:
        """The record as it stands on the topic.

        One look at a time, for each reads a whole partition.
        """
        jid = _jid(request)
        self._require_known()
        try:
            async with self._one_look:
                found = await find_contact(
                    self._kafka, *keys_of(jid, self._known.callers.changes(self._clock()))
                )
        except EnvironmentFaultError as exc:
            return not_now(f"{exc}. Ask again after 2 s.")
        except RingfenceError as exc:
            return error(500, "unreadable", f"{exc}.")
        if found is None:
            return not_found("No contact record stands under this JID.")
        return answer(asdict(found) | {"age_ms": self._clock() - found.at_ms})

    def _require_known(self) -> None:
        why = self._known.unready()
        if why is not None:
            raise AnswerError(not_now(f"Not yet: {why}. Send it again after 2 s."))


def _jid(request: web.Request) -> str:
    try:
        return read_jid(request.match_info["jid"], "jid")
    except ContactError as fault:
        raise FieldError(field=fault.field, hint=fault.hint) from None
