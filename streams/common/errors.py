"""Errors that end a command, sorted by what has to be fixed.

RingfenceError
├── ConfigurationError    the configuration or a policy is wrong: correct the file
├── EnvironmentFaultError the machine lacks something (Java, a port, a broker): provide it
├── AuditError            the topics contradict an invariant: look at the calls named
└── NothingComparedError  an audit that proves nothing: ask about a time with calls in it

Each message says what is wrong, where, and how to fix it. The command line prints it without a
traceback and exits with ``exit_code``.
"""

from __future__ import annotations

TOPICS_HINT = (
    "create them with `ringfence topics apply`; or add --demo, "
    "if it is the last `ringfence up` with traffic that you mean"
)
"""What to do where topics are missing."""


class RingfenceError(Exception):
    """An expected failure with a message made for people."""

    exit_code = 1


class ConfigurationError(RingfenceError):
    """A configuration or policy file is wrong; the message names file, line, key and the fix."""

    exit_code = 2


class EnvironmentFaultError(RingfenceError):
    """Something outside the project is missing or in the way; the message says how to fix it."""

    exit_code = 3


class AuditError(RingfenceError):
    """What stands on the topics contradicts itself, or is incomplete."""

    exit_code = 4


class NothingComparedError(RingfenceError):
    """An audit had no record to compare, which proves nothing."""

    exit_code = 5
