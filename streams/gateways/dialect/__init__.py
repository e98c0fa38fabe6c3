"""The webhook dialect that WAHA and Wawp share: from an envelope to events."""
