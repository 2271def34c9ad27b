"""What Stripe is asked, and how its answers are read; the door itself is donate/gateway.py."""
