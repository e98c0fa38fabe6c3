"""A real Apache Kafka on this machine: jars, one KRaft node, its daemon and Kafka's own tools."""
