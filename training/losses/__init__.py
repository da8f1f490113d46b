"""Losses: pure functions on batches."""
