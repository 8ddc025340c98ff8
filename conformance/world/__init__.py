"""The world of a case: its sandbox, the engine, git remotes, and the eyes that look at them."""
