"""Paraformer and SenseVoice by FunASR: speech → words with times, language and mood."""
