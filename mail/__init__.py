"""Outgoing mail: a row in the transaction that causes it, then rendering, transport, worker."""
