"""Everything that a run shows, rendered from its results."""
