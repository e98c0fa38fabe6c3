"""A worker that may lack a safeguard, to show that the suite would see it.

``[--without-claims] [--without-idempotency]``, and whatever else ``tests.faults.worker_process``
takes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from models.calls import CallOffered
from streams.call_sessions.register import Call, CallRegister
from streams.call_sessions.standing import Rings
from streams.screening import agent, step
from streams.screening.recent_calls import RecentCall, RecentCalls
from streams.sink import texts
from tests.faults import worker_process


def forget_claims() -> None:
    """Let the text sink see no claim that was made before."""

    def nothing(_sink: texts.TextSink, _key: bytes) -> None:
        return None

    texts.TextSink._claim = nothing  # type: ignore[method-assign,assignment] # the fault to be shown


def count_repeats() -> None:
    """Let each webhook of a call be a call of its own to screening, as a plain counter would have
    it."""

    def appended(state: RecentCalls, event: CallOffered, offset: int, keep_ms: int) -> RecentCalls:
        before = (replace(each, call_id=f"{each.call_id}'") for each in state.calls)
        return RecentCalls(
            (*before, RecentCall(event.line, event.call_id, event.offered_at_ms, offset))
        )

    step.evolve = appended  # type: ignore[attr-defined] # the fault to be shown
    agent.is_duplicate = lambda *_: False  # type: ignore[attr-defined] # the same


def never_ask() -> None:
    """Let the sinks take every call for one that rings."""

    async def rings(_self: CallRegister, call: Call, _within_s: float) -> Rings:
        return Rings(frozenset({call.caller}))

    def looks(_self: CallRegister, call: Call) -> Rings:
        return Rings(frozenset({call.caller}))

    CallRegister.ask = rings  # type: ignore[method-assign,assignment] # the fault to be shown
    CallRegister.look = looks  # type: ignore[method-assign,assignment] # the same


def main() -> int:
    """Take out what is to be missing, and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--without-claims", action="store_true")
    parser.add_argument("--without-call-check", action="store_true")
    parser.add_argument("--without-idempotency", action="store_true")
    options, sys.argv[1:] = parser.parse_known_args()
    if options.without_claims:
        forget_claims()
    if options.without_call_check:
        never_ask()
    if options.without_idempotency:
        count_repeats()
    return worker_process.main()


if __name__ == "__main__":
    sys.exit(main())
