"""How a CARLA server comes to be: ours as a child process, or one that runs already."""
