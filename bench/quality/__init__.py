"""`make bench-quality`: what is heard, ours beside each library called directly."""
