"""Against card testing: limits, a proof of work when load is odd, a breaker, quarantine."""
