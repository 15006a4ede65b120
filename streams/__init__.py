"""The write side: facts, decisions, the log and its queues. Imports nothing else of ours."""

__version__ = "0.4.0"
"""Of Dalston as a whole: one distribution."""
