"""The drill: what a thief gets, tried with what a thief has, and told in plain words."""
