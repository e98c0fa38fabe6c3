"""The worker process: the Faust app with its agents and sinks, its start, its end, its status."""
