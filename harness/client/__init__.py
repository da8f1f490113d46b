"""The carla client's side of an episode: everything that talks to a server or reads what it says."""
