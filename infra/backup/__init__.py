"""A copy of all that must not be lost, proof that it is whole, and a new home made from it."""
