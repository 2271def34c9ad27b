"""The audit log: its chain, who saw whom, and who is told."""
