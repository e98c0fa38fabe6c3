"""The values on the topics: frozen dataclasses, the topic registry, the JSON codec.

Nothing here does IO, and nothing here knows Faust, aiokafka or httpx. Every
other package may import this one; this one imports none of them.
"""
