"""Model-based runs (KIT-7): random sequences of commands, held against a small reference model."""
