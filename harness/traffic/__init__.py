"""Background traffic: our own seeded IDM drivers behind the `carla` client API."""
