"""What every part may use: clock, errors, YAML files, health, wording. No Kafka, no gateway."""
