"""Policies as people write them: rules, calendars, replies, and the document that holds them.

The class of each rule type is imported from ``rules``.
"""

from models.policy.calendars import Calendar, CalendarOverride, Holidays, Hours, Zone
from models.policy.document import Links, Policy, PolicyCase, TextGuard, read_calendar, read_policy
from models.policy.record import PolicyDocument, revision_of
from models.policy.replies import (
    ENFORCED,
    HOLDOUT,
    MAX_TEXT,
    Experiment,
    Reply,
    Text,
    Texts,
    Variant,
    in_locale,
    texts_of,
)
from models.policy.rules import (
    RULE_TYPES,
    AnyRule,
    Mode,
    Rule,
    When,
    replies_of,
    reply_fields,
    rule_type,
)
from models.policy.values import (
    ANY_LINE,
    DAY_MS,
    Country,
    Duration,
    Locale,
    Name,
    TimeOfDay,
    parse_duration,
)

__all__ = [
    "ANY_LINE",
    "DAY_MS",
    "ENFORCED",
    "HOLDOUT",
    "MAX_TEXT",
    "RULE_TYPES",
    "AnyRule",
    "Calendar",
    "CalendarOverride",
    "Country",
    "Duration",
    "Experiment",
    "Holidays",
    "Hours",
    "Links",
    "Locale",
    "Mode",
    "Name",
    "Policy",
    "PolicyCase",
    "PolicyDocument",
    "Reply",
    "Rule",
    "Text",
    "TextGuard",
    "Texts",
    "TimeOfDay",
    "Variant",
    "When",
    "Zone",
    "in_locale",
    "parse_duration",
    "read_calendar",
    "read_policy",
    "replies_of",
    "reply_fields",
    "revision_of",
    "rule_type",
    "texts_of",
]
