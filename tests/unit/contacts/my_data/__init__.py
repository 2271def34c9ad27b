"""Tests of "my data"."""
