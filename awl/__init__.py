"""The launcher of agent workspaces: one command surface over several runtimes."""

__version__ = "0.1.0"

__all__ = ["__version__"]
