"""Ringfence: screens the voice calls that reach a business's WhatsApp lines.

``bridge`` takes webhooks in, ``screening`` decides, ``sink`` acts at the gateways;
``conversations`` and ``call_sessions`` keep what deciding needs; ``kafka`` is everything
that talks to a broker; ``simulator`` plays the gateways; ``console`` tells people what happened.
"""
