"""Benchmarks: each prints ours beside something bare, in one run, as ratios."""
