"""Everything that speaks to Kafka, or runs it.

Clients, Faust's transport, topics, the local broker.
"""
