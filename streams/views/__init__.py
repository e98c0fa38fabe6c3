"""What every worker knows beside its tables: contacts, presence, bridges, lists, policies.

Views of compacted topics.

Each view takes the records of one topic and answers questions; none does IO
(``streams.kafka.compacted_reader`` reads).
"""
