"""A stateful local Stripe: its API, hosted payment page, events and webhooks, for a first look and
for tests.

It keeps a ledger, so that what was created can be fetched, paid, refunded and reported again. It
takes test cards only, speaks to loopback only and refuses live keys.
"""

from demo.stripe.serving import RunningStandIn, create_stand_in

__all__ = ["RunningStandIn", "create_stand_in"]
