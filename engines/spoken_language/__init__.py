"""Which language is spoken, by Whisper's own detection, voted over the whole audio."""
