"""Several commands in a row that make a driving policy: `make train`."""
