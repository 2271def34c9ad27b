"""People: one contact a person, what they agreed to, and how they confirm by e-mail."""
