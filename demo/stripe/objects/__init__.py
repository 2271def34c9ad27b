"""Builds Stripe's objects as its API shows them, every field present that Stripe always sends."""

from demo.stripe.objects.books import balance_transaction, refund
from demo.stripe.objects.catalogue import customer, line_item, price, product
from demo.stripe.objects.charges import bank_details, card_details, charge, outcome
from demo.stripe.objects.checkout import checkout_session
from demo.stripe.objects.disputes import dispute, early_fraud_warning
from demo.stripe.objects.ids import new_id
from demo.stripe.objects.intents import authentication, payment_error, payment_intent
from demo.stripe.objects.invoices import invoice, invoice_payment
from demo.stripe.objects.methods import bank_method, billing_details, card_method, fingerprint
from demo.stripe.objects.notices import event, webhook_endpoint
from demo.stripe.objects.portal import portal_configuration, portal_session
from demo.stripe.objects.subscriptions import subscription, subscription_item

__all__ = [
    "authentication",
    "balance_transaction",
    "bank_details",
    "bank_method",
    "billing_details",
    "card_details",
    "card_method",
    "charge",
    "checkout_session",
    "customer",
    "dispute",
    "early_fraud_warning",
    "event",
    "fingerprint",
    "invoice",
    "invoice_payment",
    "line_item",
    "new_id",
    "outcome",
    "payment_error",
    "payment_intent",
    "portal_configuration",
    "portal_session",
    "price",
    "product",
    "refund",
    "subscription",
    "subscription_item",
    "webhook_endpoint",
]
