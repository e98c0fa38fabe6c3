"""Traces of OpenTelemetry, as an extra: from a webhook to the reject and the text.

Off, nothing of this costs more than one comparison with None.
"""
