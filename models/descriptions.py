"""What the fields of the models mean: read from the strings below them, for schemas and documents.

Reads source files; nothing that serves a call asks for it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

SAME_EVERYWHERE: Final = {
    "line": "The line's name in the configuration.",
    "gateway": "The gateway's name in the configuration.",
    "session": "The gateway's session (Wawp: instance id).",
    "call_id": "The gateway's call id, verbatim.",
    "caller": "The caller's canonical JID.",
    "caller_raw": "The caller exactly as the gateway gave it.",
    "event_id": "The id of the event: a repeat has the same.",
    "command_id": "The idempotency key of the command.",
    "decision_id": "The decision that it goes back to.",
    "received_at_ms": "When the webhook of the offer reached the bridge.",
    "offered_at_ms": "When the call began to ring.",
    "decided_at_ms": "When it was decided.",
    "expires_at_ms": "Not to be sent at or after this time.",
    "at_ms": "When it happened.",
    "author": "Who did it.",
    "reason": "Why, in a few words.",
    "reply": "The name of the policy's reply.",
    "variant": "The reply's variant, where it is an experiment.",
    "policy": "The line of the policy that was in force (`*`: the common one).",
    "policy_revision": "The revision of that policy.",
    "alias": "Another identity of the caller: a canonical JID.",
    "values": "What the text's variables need.",
}
"""What a field means wherever its type does not say more."""


def field_meaning(name: str, said: Mapping[str, str]) -> str:
    """What a field means: what its model says of it, else what it means everywhere; or nothing."""
    return said.get(name) or SAME_EVERYWHERE.get(name, "")


def attribute_docs(model: type) -> dict[str, str]:
    """The string below each attribute of a class, in one line."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    found = {}
    for before, after in pairwise(body):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                found[name] = " ".join(text.split())
            case _:
                pass
    return found
