"""pyannote.audio's pipelines: speech → who speaks when."""
