"""Wawp v2, as its documentation pages describe it.

Its pages document both a call's end and its pick-up, with nothing but the call's id. They document
no way to block a contact and none to choose a text's id (November 2026).
"""

from streams.gateways.protocol import Capabilities, Gateway
from streams.gateways.wawp.inbound import read_webhook
from streams.gateways.wawp.requests import WawpRequests
from streams.gateways.wawp.settings import WawpSettings

WAWP = Gateway(
    title="Wawp",
    capabilities=Capabilities(
        rejects_one_call=True,
        reports_ends=True,
        reports_answers=True,
        tells_by_hand=True,
        takes_message_id=False,
        blocks=False,
    ),
    settings=WawpSettings,
    digest="sha256",  # Wawp's own SDK checks this
    read_webhook=read_webhook,
    requests=WawpRequests,
)
