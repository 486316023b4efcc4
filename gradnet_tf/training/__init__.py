"""Training: pairs in, checkpoints out."""
