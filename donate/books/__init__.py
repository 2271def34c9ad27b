"""The books: every movement of money, refunds, disputes, goals, and their agreement with Stripe."""
