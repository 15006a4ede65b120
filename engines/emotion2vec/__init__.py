"""How each segment sounds, by emotion2vec through FunASR."""
