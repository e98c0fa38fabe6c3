"""What rejected callers do next: a Faust app of its own, which no ringing call waits for."""
