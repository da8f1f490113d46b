"""What every recipe shares: the trainer, checkpoints, seeds, the closed-loop hook."""
