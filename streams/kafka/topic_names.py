"""Topics by the names that people type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from models.topics import TOPICS, Topic
from streams.common.errors import ConfigurationError


def topics_named(names: Iterable[str]) -> tuple[Topic, ...]:
    """The registry's topics of these names, in its order; all where none is named.

    Names are without the prefix. Raises ``ConfigurationError`` for a name that is none, with the
    nearest that is.
    """
    by_name = {topic.name: topic for topic in TOPICS}
    wanted = set(names) or set(by_name)
    for name in sorted(wanted - by_name.keys()):
        near = difflib.get_close_matches(name, by_name, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_name)}"
        msg = f"there is no topic {name!r}: {meant}"
        raise ConfigurationError(msg)
    return tuple(topic for topic in TOPICS if topic.name in wanted)
