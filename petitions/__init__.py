"""Petitions and their signatures."""
