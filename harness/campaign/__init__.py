"""A campaign: suites x policies x repeats, spread over worker processes, resumable."""
