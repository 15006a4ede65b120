"""Every engine is a folder here, with requirements of its own; `sdk` is all that they share."""
