"""Sources of samples: one importer per data set, and what they all become."""
