"""History through the decision core: what a policy would have decided.

Nothing here can reach a gateway.

The import contracts see to it: no sink, no HTTP client and no producer is within this package's
reach.
"""
