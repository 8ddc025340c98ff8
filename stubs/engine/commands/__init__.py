"""One module per family of subcommands; a command takes a `Call` and gives an exit code."""
