"""What a run does with the policies folder.

A demo puts it in force as a whole; production applies it where that is asked for, and else says
where it differs.
"""

from __future__ import annotations

from streams.common.clock import now_ms
from streams.policy_admin import store
from streams.policy_admin.files import read_folder
from streams.settings import Settings

AUTHOR = "ringfence up"


async def agree(settings: Settings, *, demo: bool, apply: bool = False) -> list[str]:
    """Put the folder in force in a demo, or where ``apply`` says so; else return where it differs.

    Returns lines for people. What was never applied is no difference: a worker applies it at its
    start. Policies in force that have no file in the folder stay, except in a demo.

    Raises ``RingfenceError`` where Kafka does not answer.
    """
    files, _ = read_folder(settings)
    shelf = await store.read_shelf(settings.kafka)
    at_ms = now_ms()
    changed = store.changes(files, shelf, author=AUTHOR, note="", at_ms=at_ms)
    if not demo:
        if apply and changed:
            await store.write(settings.kafka, changed)
            return [f"{each.key}: revision {each.revision} applied" for each in changed]
        differing = [each.key for each in changed if shelf.ever_applied(each.key)]
        if not differing:
            return []
        folder = settings.policies
        said = (
            f"{folder} was edited and is not in force ({', '.join(differing)}):"
            f" apply it with `ringfence policy apply {folder}`"
        )
        return [said]
    ours = {each.key for each in files}
    others = [each for key, each in shelf.documents().items() if key not in ours]
    changed += [store.removal(each, author=AUTHOR, note="", at_ms=at_ms) for each in others]
    if changed:
        await store.write(settings.kafka, changed)
    return []
