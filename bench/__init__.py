"""How fast Vigil is, side by side with the least that could be done: `make bench`."""
