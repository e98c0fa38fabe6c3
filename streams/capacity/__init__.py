"""How many processes, how much memory and disk a load takes, by costs that were measured.

``costs.json`` holds what ``tests/bench/run --costs`` and ``--reference`` measured. Does no IO but
reading that file.
"""
