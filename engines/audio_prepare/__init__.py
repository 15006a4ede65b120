"""Any audio or video file → described, measured, and as tracks that every model can hear."""
