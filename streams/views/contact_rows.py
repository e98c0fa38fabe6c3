"""How the values of ``contacts`` are cut: a name, aliases and a time are a contact's own."""

from __future__ import annotations

from typing import Final

from streams.views.packed_rows import Parts

_NAME: Final = b'","name":'
_TIER: Final = b',"tier":'
_ALIASES: Final = b',"aliases":'
_SOURCE: Final = b',"source":'
_AT: Final = b',"at_ms":'
"""In the order in which ``models.codec`` writes them. None of them can stand in a JSON string,
whose quotation marks are escaped; a value with others, or with these elsewhere, is kept whole or
cut elsewhere, and comes back the same."""


class ContactCutter:
    """See ``Cutter``."""

    def cut(self, key: bytes, value: bytes) -> tuple[Parts, Parts] | None:
        """Name, aliases and time are a contact's own; tier, zone, locale and source are shared."""
        head, _, rest = value.partition(_NAME)
        name, _, rest = rest.partition(_TIER)
        tier, _, rest = rest.partition(_ALIASES)
        aliases, _, rest = rest.partition(_SOURCE)
        source, found, at = rest.partition(_AT)
        if not found or not head.endswith(key):
            return None
        return (name, aliases, at), (head.removesuffix(key), tier, source)

    def join(self, key: bytes, own: Parts, shared: Parts) -> bytes:
        """See ``Cutter``."""
        (name, aliases, at), (head, tier, source) = own, shared
        whole = (head, key, _NAME, name, _TIER, tier, _ALIASES, aliases, _SOURCE, source, _AT, at)
        return b"".join(whole)
