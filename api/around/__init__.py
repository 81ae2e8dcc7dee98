"""What stands around every request: logs, metrics, traces, rates, caching, sending."""
