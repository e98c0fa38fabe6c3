"""Links are found from both ends, whatever replaces what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.contacts import IdentityLink
from streams.views.link_rows import LinkRows

jids = st.sampled_from(["1@lid", "2@lid", "3@c.us", "4@c.us"])
sources = st.sampled_from(["payload", "contact", "call"])


@given(st.lists(st.tuples(jids, st.lists(st.tuples(jids, sources), max_size=3)), max_size=20))
def test_both_ends_agree_after_every_replacement(
    steps: list[tuple[str, list[tuple[str, str]]]],
) -> None:
    rows, wanted = LinkRows(), dict[str, tuple[IdentityLink, ...]]()
    for number, (alias, ends) in enumerate(steps):
        links = tuple(
            IdentityLink(alias=alias, caller=caller, source=source, at_ms=number)  # type: ignore[arg-type] # of the literal's
            for caller, source in ends
        )
        rows.replace(alias, rows.said(alias), links)
        wanted[alias] = links
    for jid in ("1@lid", "2@lid", "3@c.us", "4@c.us"):
        assert rows.said(jid) == wanted.get(jid, ())
        naming = {a for a, links in wanted.items() if any(each.caller == jid for each in links)}
        assert set(rows.named(jid)) == naming
        assert len(rows.named(jid)) == len(naming)
    assert set(rows.aliases()) == {alias for alias, links in wanted.items() if links}
