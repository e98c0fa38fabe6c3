"""What came of trying policies on the past, as one page: no script, no file beside it, no address.

Made for a phone and for paper alike: tables scroll by themselves, bars are coloured cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from streams.common.wording import count, moment
from streams.history.simulation import Share, Simulation
from streams.history.words import Account, changed, part_words, ruling_words, turn_words

_EXAMPLES: Final = 100

_STYLE: Final = """
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 56rem; padding: 1rem; color: #222; background: #fff;
  font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p { margin: .25rem 0; max-width: 42rem }
.big { font-size: 1.25rem; font-weight: 600 }
.soft { color: #595959 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; min-width: 100% }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #ddd }
th { color: #595959; font-weight: 400 }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
td.bar { width: 35%; min-width: 5rem }
.bar span { display: block; height: .8rem; margin-top: .3rem; background: #0072b2; min-width: 2px;
  print-color-adjust: exact; -webkit-print-color-adjust: exact }
@media print { body { max-width: none; padding: 0 } h2, tr { break-after: avoid } }
"""
_SAFE: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""Browsers load nothing, whatever the page holds."""


def page(account: Account) -> str:
    """The whole page, in HTML. No caller's number is in it."""
    counts = account.tried.counts
    parts = [
        *_head(account),
        *_verdicts(counts),
        *_changes(counts),
        *_share_table("By tier of the caller", "tier", counts.tiers),
        *_share_table("By line", "line", counts.lines),
        *_share_table("By hour of the day, on the line's clock", "hour", counts.hours),
        *_callers(account),
        *_shadow(counts),
        *_unknown(account),
        *_examples(account),
    ]
    title = "Policies tried on past calls"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_SAFE}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _head(account: Account) -> Iterator[str]:
    counts, wanted = account.tried.counts, account.wanted
    share = f" ({100 * counts.changed / counts.calls:.1f} %)" if counts.calls else ""
    change = "changes" if counts.changed == 1 else "change"
    yield f'<p class="big">{count(counts.changed, "call")} of {counts.calls:,} {change}{share}</p>'
    line = f"to {wanted.line}, " if wanted.line is not None else ""
    yield _soft(
        f"Calls {line}received from {moment(wanted.from_ms)[:16]} to {moment(wanted.to_ms)[:16]}."
    )
    if account.tried.cut is not None:
        yield _soft(f"Decisions are on record from {moment(account.tried.cut.at_ms)[:16]} on.")
    named = ", ".join(f"{line} {revision}" for line, revision in account.revisions.items())
    yield _soft(f"Tried: {named or 'no policy, so that every call rings'}.")
    yield _soft(
        "Each call was decided again from what was known at its moment. What its caller would have "
        "done after another decision is not known: later calls, blocks and messages are those that "
        "were."
    )


def _verdicts(counts: Simulation) -> Iterator[str]:
    rulings = sorted({*counts.was, *counts.would}, key=ruling_words)
    rows = [(ruling_words(each), counts.was[each], counts.would[each]) for each in rulings]
    yield from _section("What decided", ("", "was", "would be"), rows)


def _changes(counts: Simulation) -> Iterator[str]:
    rows = [
        (ruling_words(was), ruling_words(would), calls, _bar(calls, counts.changed))
        for (was, would), calls in counts.changes.most_common()
    ]
    yield from _section("What changes", ("from", "to", "calls", ""), rows)


def _share_table(title: str, name: str, shares: Mapping[str, Share]) -> Iterator[str]:
    most = max((changed(each) for each in shares.values()), default=0)
    rows = [
        (
            each,
            changed(share),
            share.calls,
            turn_words(share.turns, share.other),
            _bar(changed(share), most),
        )
        for each, share in sorted(shares.items())
        if changed(share)
    ]
    yield from _section(title, (name, "changed", "calls", "how", ""), rows)


def _callers(account: Account) -> Iterator[str]:
    yield from _section("Whose calls change most", ("caller", "calls"), account.callers())


def _shadow(counts: Simulation) -> Iterator[str]:
    rows = counts.shadow.most_common()
    yield from _section("Rules in shadow would have applied", ("rule", "calls"), rows)
    unknown = [(part_words(part), calls) for part, calls in counts.shadow_unknown.most_common()]
    yield from _section("Not known for rules in shadow", ("what", "calls"), unknown)
    yield from _section("Rules that failed", ("rule", "calls"), counts.failed.most_common())


def _unknown(account: Account) -> Iterator[str]:
    rows = account.unknown()
    if rows:
        calls = count(account.tried.counts.not_compared, "call")
        title = f"{calls} that cannot be decided again"
        yield from _section(title, ("why", "calls"), rows)


def _examples(account: Account) -> Iterator[str]:
    rows = [
        (moment(each.at_ms)[:16], each.line, each.caller, ruling_words(each.was),
         ruling_words(each.would), each.why)
        for each in account.tried.counts.examples[:_EXAMPLES]
    ]  # fmt: skip
    head = ("received", "line", "caller", "was", "would be", "why")
    yield from _section("The first calls that change", head, rows)


class _Bar(str):
    """A cell that is ready as it is."""

    __slots__ = ()


def _bar(number: int, of: int) -> _Bar:
    return _Bar(f'<td class="bar"><span style="width: {100 * number // max(of, 1)}%"></span></td>')


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A heading and a table, where there is a row."""
    rows = list(rows)
    lines = ["".join(map(_cell, row)) for row in rows]
    if lines:
        yield f"<h2>{escape(title)}</h2>"
        kinds = [' class="number"' if isinstance(cell, int) else "" for cell in rows[0]]
        names = "".join(
            f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, head, strict=True)
        )
        body = "".join(f"<tr>{line}</tr>\n" for line in lines)
        yield f'<div class="scroll"><table>\n<tr>{names}</tr>\n{body}</table></div>'


def _cell(value: object) -> str:
    if isinstance(value, _Bar):
        return value
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"


def _soft(text: str) -> str:
    return f'<p class="soft">{escape(text)}</p>'
