"""The audit: proves from the topics alone that every call was decided once and acted on once."""
