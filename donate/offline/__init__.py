"""Gifts that do not come through Stripe: bank transfers and cash."""
