"""Gifts, recurring donations, goals and the guard, as staff see them."""
