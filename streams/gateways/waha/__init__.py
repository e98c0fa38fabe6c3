"""WAHA, as its OpenAPI document 2026.7.1 describes it.

The capabilities are those of NOWEB and GOWS, the engines that run without a browser. WEBJS reports
no end but the one that was asked for through the API, WPP reports none, and neither reports that
somebody picked up: their rejects stay unconfirmed.
"""

from streams.gateways.protocol import Capabilities, Gateway
from streams.gateways.waha.inbound import read_webhook
from streams.gateways.waha.requests import WahaRequests
from streams.gateways.waha.settings import WahaSettings

WAHA = Gateway(
    title="WAHA",
    capabilities=Capabilities(
        rejects_one_call=True,
        reports_ends=True,
        reports_answers=True,
        tells_by_hand=True,
        takes_message_id=True,
        blocks=True,
    ),
    settings=WahaSettings,
    digest="sha512",  # WAHA's documentation, "Events", section on HMAC
    read_webhook=read_webhook,
    requests=WahaRequests,
)
