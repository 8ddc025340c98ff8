"""One module per family of subcommands; each public function takes a `Call` and gives an exit code."""
