"""Policies ready to be asked: compiled calendars, conditions, patterns and texts. Pure; no IO."""
