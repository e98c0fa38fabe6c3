"""The report for a support manager: what happened to the calls, and what callers did next.

``gather`` reads topics or an export, ``tally`` counts, ``figures`` are the results as tidy tables;
``sections``, ``sentences``, ``charts`` and ``page`` show them. Nothing here can reach a gateway.
"""
