"""Looks at every part of a stack and says what is wrong with it and what to do."""
