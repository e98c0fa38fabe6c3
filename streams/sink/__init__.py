"""Acts at the gateways: rejects calls, sends texts, and says what came of it."""
