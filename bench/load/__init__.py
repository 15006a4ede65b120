"""Load: what a stack does under much more than it is built for, and that nothing of it grows."""
