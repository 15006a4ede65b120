"""What is personal in a transcript, masked in its text and its audio."""
