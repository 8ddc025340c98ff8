"""Is the fake engine what it plays? Cases on the engine's own command line, and a certificate."""
