"""How the values of list entries are cut: a pattern and the times are an entry's own."""

from __future__ import annotations

from typing import Final

from streams.views.packed_rows import Parts

_LINES: Final = b'","lines":'
_ADDED: Final = b',"added_at_ms":'
"""In the order in which ``models.codec`` writes them; see ``contact_rows`` on why that is safe."""


class EntryCutter:
    """See ``Cutter``. A row's key is the list's name, a slash, and the pattern."""

    def cut(self, key: bytes, value: bytes) -> tuple[Parts, Parts] | None:
        """The times are an entry's own; list, lines, reason and author are shared."""
        head, _, rest = value.partition(_LINES)
        middle, found, times = rest.partition(_ADDED)
        pattern = key.partition(b"/")[2]
        if not found or not head.endswith(pattern):
            return None
        return (times,), (head.removesuffix(pattern), middle)

    def join(self, key: bytes, own: Parts, shared: Parts) -> bytes:
        """See ``Cutter``."""
        (head, middle), (times,) = shared, own
        return b"".join((head, key.partition(b"/")[2], _LINES, middle, _ADDED, times))
