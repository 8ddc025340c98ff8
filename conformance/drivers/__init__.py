"""Drivers run one command of a case and bring back what was seen: by pipes or by a terminal."""
