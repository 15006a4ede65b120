"""Word times of English text by PocketSphinx, offline."""
