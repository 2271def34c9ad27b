"""What stands in for the outside world when trying and testing: a local Stripe, a mailbox."""
