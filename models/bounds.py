"""Whole numbers as records may hold them.

Whoever writes to a topic may write any JSON number. One that no date, no float and no JSON writer
can hold would be found out in the middle of the work on it, at every start anew; so it is refused
where it is read.
"""

from __future__ import annotations

from typing import Annotated, Final

from annotated_types import Interval

LATEST_MS: Final = 32_503_680_000_000
"""The year 3000."""

Millis = Annotated[int, Interval(ge=0, le=LATEST_MS)]
"""Milliseconds UTC since 1970, or a span in milliseconds."""

Count = Annotated[int, Interval(ge=0, le=2**53)]
"""How many, or an offset in a log: exact in every JSON reader."""

Share = Annotated[float, Interval(ge=0, le=1)]
"""A part of a whole."""
