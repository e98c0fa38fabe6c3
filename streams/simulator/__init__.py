"""Plays the gateways: a strict HTTP server with every provider's API, calls and webhooks.

``Simulator`` is the whole of it for tests and benchmarks; ``serve`` is a process of its own, with
traffic. What is documented of a gateway is played as documented; where the documentation is
silent, the choice made here is marked as ours.
"""

from streams.simulator.faults import GatewayFault
from streams.simulator.options import Retries, SimulatorOptions
from streams.simulator.serving import serve
from streams.simulator.simulator import Simulator

__all__ = ["GatewayFault", "Retries", "Simulator", "SimulatorOptions", "serve"]
