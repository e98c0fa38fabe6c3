"""Policies ready to be asked: compiled calendars, conditions and texts. Does no IO."""
