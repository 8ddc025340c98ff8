"""The proof that the suite can fail (KIT-8): seeded faults, and the score of those it catches."""
