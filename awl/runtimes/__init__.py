"""Where workspaces live: the protocol, the registry, and the two runtimes that are built in."""
