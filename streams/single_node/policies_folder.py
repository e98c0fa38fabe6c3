"""What a run does with the policies folder.

A demo applies it, production only says where it differs.
"""

from __future__ import annotations

from streams.common.clock import now_ms
from streams.policy_admin import store
from streams.policy_admin.files import read_folder
from streams.settings import Settings

AUTHOR = "ringfence up"


async def agree(settings: Settings, *, demo: bool) -> list[str]:
    """Put the folder in force in a demo; in production return where it differs, for people.

    What was never applied is no difference: a worker applies it at its start.

    Raises ``RingfenceError`` where Kafka does not answer.
    """
    files, _ = read_folder(settings)
    shelf = await store.read_shelf(settings.kafka)
    at_ms = now_ms()
    changed = store.changes(files, shelf, author=AUTHOR, note="", at_ms=at_ms)
    if not demo:
        differing = [each.key for each in changed if shelf.ever_applied(each.key)]
        if not differing:
            return []
        folder = settings.policies
        said = (
            f"what is in force differs from {folder} ({', '.join(differing)}):"
            f" see `ringfence policy diff {folder}`,"
            f" and apply the folder with `ringfence policy apply {folder}` if it is right"
        )
        return [said]
    ours = {each.key for each in files}
    others = [each for key, each in shelf.documents().items() if key not in ours]
    changed += [store.removal(each, author=AUTHOR, note="", at_ms=at_ms) for each in others]
    if changed:
        await store.write(settings.kafka, changed)
    return []
