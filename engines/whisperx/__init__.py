"""Word and character times by WhisperX's alignment (wav2vec2), in many languages."""
