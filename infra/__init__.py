"""Around the services: the command line, a local stack, what containers need."""
