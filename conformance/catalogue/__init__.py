"""Data in, frozen cells out: strict YAML, the contract, the parity matrix, cases, expansion."""
