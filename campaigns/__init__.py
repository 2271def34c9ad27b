"""The story and its calls to action: what ties a fund, a petition and an opportunity together."""
