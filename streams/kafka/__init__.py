"""Everything that speaks to Kafka, or runs it: clients, Faust's transport, topics, the local broker."""
