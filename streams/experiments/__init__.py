"""What an experiment came to: pure statistics over what was recorded, each with its source.

``judge`` is what a report asks. Nothing here reads a topic.
"""
