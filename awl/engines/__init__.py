"""Container engines, by their command line."""
