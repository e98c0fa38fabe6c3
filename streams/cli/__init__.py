"""The command line: ``ringfence``.

Each command reads its options and hands over; the work is elsewhere.

What a command needs is imported inside it, so that ``--help`` answers at once.
"""
