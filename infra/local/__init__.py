"""The same services as child processes of one supervisor, with all state in one directory."""
