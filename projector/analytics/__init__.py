"""Questions about what happened: views for SQL, the questions that have a name, who may ask."""
