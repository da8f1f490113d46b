"""Timings as ratios in one run; see `harness.bench.__main__`."""
