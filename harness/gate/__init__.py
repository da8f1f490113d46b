"""The gate: baseline, candidate -> PASS, FAIL, INCONCLUSIVE or INVALID. Pure: no carla, sockets, clock."""
