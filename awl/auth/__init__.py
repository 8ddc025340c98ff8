"""Credentials for a workspace: each module finds those of one provider and hands them over.

All of them have one shape, `hand(executor, …) -> Handed`, over `Executor`: they do the same in
every runtime. A secret goes by standard input and ends in a file that is its owner's alone; it
never stands in an argument list, in a container's environment, or in what is printed (SEC-1).
"""

from __future__ import annotations

from awl.auth.delivery import Handed

__all__ = ["Handed"]
