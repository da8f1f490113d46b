"""The camera student: configuration, what it sees, and the policy that drives with it."""
