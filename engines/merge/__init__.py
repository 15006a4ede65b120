"""The outputs of a job's stages → its final transcript."""
