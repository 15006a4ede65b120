"""Clean text and notes by a language model, through litellm; never words that nobody said."""
