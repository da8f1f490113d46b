"""ScenarioRunner and the Leaderboard's evaluator, unmodified, against a CARLA server: `make compat`."""
