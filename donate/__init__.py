"""Donations: what is given, the way to Stripe's page and back, and what came of it."""
