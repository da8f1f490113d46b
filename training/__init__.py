"""Training: produces checkpoints. Arrows: training -> harness -> policies | scenarios."""
