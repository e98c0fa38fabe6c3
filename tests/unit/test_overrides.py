"""Files of lists, what workers know of what is set by hand, and what a worker tells of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec import UndecodableError, decode, encode
from models.overrides import CallerBlock, LineSwitch, ListEntry, Override
from models.patterns import CallerPattern, PatternIndex
from models.presence import WorkerStatus
from models.records import Record, reference
from models.topics import POLICIES, WORKERS_STATUS
from streams.callers.contact_rows import read_jid
from streams.common.errors import ConfigurationError
from streams.metrics import WorkerMetrics
from streams.overrides import entries_of, read_rows
from streams.screening.storms import Storms
from streams.views.availability import Workers
from streams.views.overrides import Overrides
from streams.views.views import Views
from streams.worker.status import StatusReport, running
from tests.support.facts import NOW_MS
from tests.unit.views.test_policies import COMMON, applied

CALLER = "12025550143@c.us"


def entry(pattern: str, reason: str = "", **more: Any) -> ListEntry:
    return ListEntry(
        list="deny", pattern=pattern, reason=reason, author="mia", added_at_ms=NOW_MS, **more
    )


def file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "deny.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# files of lists


def test_a_text_file_has_a_pattern_a_line(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "\ufeffpattern\n+1 (202) 555-0143\n\n# Austria\n+43*\r\nGB\n12025550143@s.whatsapp.net\n",
    )
    assert [(row.line, row.pattern) for row in read_rows(path)] == [
        (2, CALLER),
        (5, "+43*"),
        (6, "GB"),
        (7, CALLER),
    ]
    assert [each.pattern for each in entries_of(path, entry, print)[0]] == [CALLER, "+43*", "GB"]


def test_a_csv_has_a_reason_of_its_own(tmp_path: Path) -> None:
    path = file(tmp_path, 'pattern,reason\n+43*,"calls, and calls"\nGB\n')
    assert [(row.pattern, row.reason) for row in read_rows(path)] == [
        ("+43*", "calls, and calls"),
        ("GB", ""),
    ]


def test_what_is_no_country_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    path = file(tmp_path, "GB\nXX\nUK\n")
    entries, wrong = entries_of(path, entry, said.append)
    assert ([each.pattern for each in entries], wrong) == (["GB"], 2)
    assert said[0] == (
        f"{path}:2: pattern: no country with telephone numbers has the code XX; use ISO "
        "3166-1, such as GB"
    )
    assert "did you mean GB?" in said[1]


def test_wrong_rows_are_told_with_their_line_and_counted(tmp_path: Path) -> None:
    said: list[str] = []
    path = file(tmp_path, "+43*\n" + "nobody\n" * 25)
    entries, wrong = entries_of(path, entry, said.append)
    assert ([each.pattern for each in entries], wrong) == (["+43*"], 25)
    assert said[0].startswith(f"{path}:2: pattern: write a number in E.164")
    assert said[-1] == f"{path}: and 5 more rows like these"
    assert len(said) == 21


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("+43*\n".encode("utf-16"), r":1: this is UTF-16; convert it with `iconv"),
        ("+43*\nGB,Österreich\n".encode("latin-1"), r":2: byte 4 is no UTF-8"),
    ],
)
def test_another_encoding_is_named_with_the_mend(tmp_path: Path, raw: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        list(read_rows(file(tmp_path, raw)))


# what is known


def view(*values: Override) -> Overrides:
    made = Overrides()
    for each in values:
        made.apply(each.key.encode(), encode(each))
    return made


def met(
    known: Overrides, jid: str = CALLER, line: str = "london", now_ms: int = NOW_MS
) -> ListEntry | None:
    return known.entry("deny", line, (jid,), lambda: "US" if jid == CALLER else "GB", now_ms)


def test_the_most_exact_entry_comes_first_until_it_is_taken_off() -> None:
    exact, prefix, country = entry(CALLER), entry("+1202*"), entry("US")
    known = view(country, prefix, exact)
    for each in (exact, prefix, country):
        assert met(known) == each
        known.apply(each.key.encode(), None)
    assert met(known) is None
    assert list(known.entries()) == []


def test_an_entry_holds_until_it_expires_on_its_lines_alone() -> None:
    known = view(entry("US", expires_at_ms=NOW_MS + 1, lines=("london", "paris")))
    assert met(known)
    assert met(known, line="paris")
    assert not met(known, line="rome")
    assert not met(known, now_ms=NOW_MS + 1)
    assert known.find("deny", "US"), "it is there until somebody takes it off"


def test_what_stands_under_another_key_is_left_out() -> None:
    known = view()
    for value in (
        entry("US"),
        LineSwitch(line="london", state="closed", author="mia", at_ms=NOW_MS),
    ):
        with pytest.raises(UndecodableError):
            known.apply(b"list/deny/GB", encode(value))
    assert list(known.entries()) == []


def test_a_block_and_a_switch_end_with_their_records() -> None:
    block = CallerBlock(caller=CALLER, line="*", until_ms=NOW_MS + 1, author="mia", at_ms=NOW_MS)
    switch = LineSwitch(line="*", state="closed", author="mia", at_ms=NOW_MS)
    known = view(block, switch)
    assert known.block((CALLER,), "london") == block
    assert known.switch("london", NOW_MS) == switch
    known.apply(block.key.encode(), None)
    known.apply(switch.key.encode(), None)
    assert known.block((CALLER,), "london") is None
    assert known.switch("london", NOW_MS) is None


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([CALLER, "+1*", "+1202*", "+44*", "US", "GB"]))
    )
)
def test_many_entries_are_what_one_would_find_by_looking_at_each(
    steps: list[tuple[bool, str]],
) -> None:
    known, there = Overrides(), set[str]()
    for add, pattern in steps:
        known.apply(entry(pattern).key.encode(), encode(entry(pattern)) if add else None)
        (there.add if add else there.discard)(pattern)
    exact_first = [each for each in (CALLER, "+1202*", "+1*", "US") if each in there]
    found = met(known)
    assert (found.pattern if found else None) == next(iter(exact_first), None)


# what a worker tells


class Telling:
    """A worker's report with a clock, and what it sent."""

    def __init__(self) -> None:
        self.known = Views.empty("w1")
        self.storms = Storms(self.known.workers)
        self.metrics = WorkerMetrics()
        self.now_ms = NOW_MS
        self.sent: list[Record] = []
        self.report = StatusReport(
            "w1",
            self.known,
            self.storms,
            clock=lambda: self.now_ms,
            metrics=self.metrics,
            send=self._send,
        )

    async def _send(self, record: Record) -> None:
        self.sent.append(record)

    async def after(self, ms: int) -> list[WorkerStatus | str]:
        """What is told that much later; a key for a tombstone."""
        self.now_ms += ms
        self.sent.clear()
        await self.report.tell()
        return [
            decode(WorkerStatus, each.value) if each.value else each.key.decode()
            for each in self.sent
        ]


async def test_a_status_is_told_on_change_and_every_fifteen_seconds() -> None:
    worker = Telling()
    assert len(await worker.after(0)) == 1
    assert await worker.after(14_999) == []
    assert len(await worker.after(1)) == 1
    document = applied(COMMON)
    worker.known.policies.complete()
    worker.known.policies.apply(document.key.encode(), encode(document))
    (told,) = await worker.after(1000)
    assert isinstance(told, WorkerStatus)
    assert told.policies == {"*": document.revision}
    labels = {"line": "*", "revision": document.revision}
    assert worker.metrics.registry.get_sample_value("ringfence_policy_info", labels) == 1
    worker.storms.note("london", CALLER, worker.now_ms)
    (told,) = await worker.after(1000)
    assert isinstance(told, WorkerStatus)
    assert sum(told.strangers["london"].values()) == 1
    assert await worker.after(1000) == []


async def test_a_refused_policy_is_told_with_its_reason_and_counted() -> None:
    worker = Telling()
    worker.known.policies.complete()
    broken = applied(
        {"line": "*", "rules": [{"id": "x", "type": "expression", "condition": "nonsense"}]}
    )
    worker.known.policies.apply(broken.key.encode(), encode(broken))
    (told,) = await worker.after(0)
    assert isinstance(told, WorkerStatus)
    assert "nonsense" in told.refused["*"]
    assert told.refused_revisions == {"*": broken.revision}
    assert worker.metrics.registry.get_sample_value("ringfence_policies_refused") == 1


async def test_who_leaves_says_so_once_and_tells_nothing_more() -> None:
    worker = Telling()
    await worker.after(0)
    worker.sent.clear()
    await worker.report.leave()
    assert [(each.topic, each.key, each.value) for each in worker.sent] == [
        (WORKERS_STATUS, b"w1", None)
    ]
    assert await worker.after(60_000) == []


async def test_workers_that_died_long_ago_are_taken_off() -> None:
    worker = Telling()
    for name, ago_ms in (("dead", 86_400_001), ("late", 86_400_000)):
        status = WorkerStatus(worker=name, policies={}, strangers={}, at_ms=NOW_MS - ago_ms)
        worker.known.workers.apply(name.encode(), reference(status, "/test", NOW_MS).value)
    told = await worker.after(0)
    assert told[1:] == ["dead"]


def test_a_worker_that_is_silent_for_45_seconds_runs_no_more() -> None:
    workers = Workers("")
    status = WorkerStatus(worker="w1", policies={}, strangers={}, at_ms=NOW_MS)
    workers.apply(b"w1", encode(status))
    assert running(workers, NOW_MS + 44_999) == [status]
    assert running(workers, NOW_MS + 45_000) == []


def test_history_is_no_document_of_its_own() -> None:
    assert "@" not in applied(COMMON).key
    assert POLICIES.partitions == 1, "one batch is one partition's"


DAY = 86_400_000


def block(at_ms: int, until_ms: int, line: str = "*", caller: str = CALLER) -> CallerBlock:
    return CallerBlock(caller=caller, line=line, until_ms=until_ms, author="mia", at_ms=at_ms)


def test_a_shorter_block_does_not_end_a_longer_one() -> None:
    long, short = block(NOW_MS, NOW_MS + 30 * DAY), block(NOW_MS + DAY, NOW_MS + DAY + 1, "london")
    lid = block(NOW_MS + 2 * DAY, NOW_MS + 3 * DAY, caller="900000000000143@lid")
    known = view(long, short, lid)
    assert known.block((CALLER, "900000000000143@lid"), "london") == long
    assert known.block((CALLER,), "paris") == long


def test_ending_all_blocks_ends_those_before_it_and_none_after() -> None:
    lift = block(NOW_MS + DAY, 0, "london")
    known = view(block(NOW_MS, NOW_MS + 30 * DAY), lift)
    assert (known.block((CALLER,), "london"), known.lift((CALLER,), "london")) == (None, lift)
    assert known.block((CALLER,), "paris") is not None
    again = block(NOW_MS + 2 * DAY, NOW_MS + 3 * DAY)
    assert view(again, lift).block((CALLER,), "london") == again


@pytest.mark.parametrize("pattern", ["00*", "020*", "+0*"])
def test_a_prefix_that_no_number_has_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        CallerPattern.parse(pattern)


@pytest.mark.parametrize(
    "text", ["+44 (0)7700 900123", "+44(0) 7700 900123", "44 ( 0 ) 7700 900 123"]
)
def test_the_zero_that_is_dialled_at_home_is_no_part_of_a_number(text: str) -> None:
    assert str(CallerPattern.parse(text)) == "447700900123@c.us"
    assert read_jid(text, "number") == "447700900123@c.us"


def test_italys_zero_is_part_of_the_number() -> None:
    assert str(CallerPattern.parse("+39 (0)6 1234 5678")) == "390612345678@c.us"


@pytest.mark.parametrize(
    ("written", "jid"),
    [
        ("+55 11 98765-4321", "551187654321@c.us"),
        ("+55 11 8765-4321", "5511987654321@c.us"),
        ("+52 55 1234 5678", "5215512345678@c.us"),
        ("+52 1 55 1234 5678", "525512345678@c.us"),
        ("+54 11 2345-6789", "5491123456789@c.us"),
        ("+54 9 11 2345-6789", "541123456789@c.us"),
        ("\u202a+44 7700 900801\u202c", "447700900801@c.us"),
    ],
)
def test_a_number_as_people_write_it_meets_whatsapps_jid(written: str, jid: str) -> None:
    pattern = str(CallerPattern.parse(written))
    known = view(entry(pattern), block(NOW_MS, NOW_MS + DAY, caller=pattern))
    assert known.entry("deny", "london", (jid,), lambda: None, NOW_MS) is not None
    assert known.block((jid,), "london") is not None
    assert [each.pattern for each in known.find_any_form("deny", jid)] == [pattern]
    index = PatternIndex()
    index.add(CallerPattern.parse(written))
    assert index.matches((jid,), lambda: None)


def test_a_landline_is_not_met_by_a_mobiles_entry() -> None:
    known = view(entry("5511934567890@c.us"))
    assert known.entry("deny", "london", ("551134567890@c.us",), lambda: None, NOW_MS) is None


def test_a_prefix_means_every_form_of_a_number() -> None:
    known = view(entry("+55119*"))
    for jid, met in (("551187654321@c.us", True), ("551134567890@c.us", False)):
        found = known.entry("deny", "london", (jid,), lambda: None, NOW_MS)
        assert (found is not None) is met
