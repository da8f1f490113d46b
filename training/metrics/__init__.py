"""Open-loop metrics: pure functions on batches."""
