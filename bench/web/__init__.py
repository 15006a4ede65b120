"""Thousands of sockets on one web process, beside the same fan-out by a bare broadcast."""
