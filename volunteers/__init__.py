"""Volunteers: who offers time, for what, and where staff stand with them."""
