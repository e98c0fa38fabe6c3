"""Views of compacted topics: contacts, presence, bridges, lists, policies.

Every worker holds all of them beside its tables. A view is fed the records of one topic and answers
questions about it; none does IO (``streams.kafka.compacted_reader`` reads the topics).
"""
