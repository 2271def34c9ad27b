"""Tests of "my giving"."""
