"""Seals what people tell us: key pair, holders, shares, sealed boxes, blind index, volatile keys.

Other rooms import `vault.services`, and `vault.models` where a table refers to a holder.
"""
