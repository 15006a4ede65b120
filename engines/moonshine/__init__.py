"""Moonshine models by Moonshine AI's own library: English speech → text, small and quick."""
