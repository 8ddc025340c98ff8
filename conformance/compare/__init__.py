"""Differential parity (KIT-6): what two sides did in the same scenario, compared."""
