"""The fold of the log into Postgres, exactly once, and all that is read from there."""
