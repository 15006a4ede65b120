"""The write side: facts, decisions, the log and its queues. Imports nothing else of ours."""
