"""Whisper models by CTranslate2: speech → words with times."""
