"""The environment variables that the launcher reads: one table for the help and its test.

`matrices/contract.yaml` is the source of `CONTRACT`; `OWN` are those that this launcher has besides
and no other needs to have.
"""

from __future__ import annotations

__all__ = ["CONTRACT", "OWN"]

CONTRACT: tuple[tuple[str, str], ...] = (
    ("AGENT_WORKSPACE_RUNTIME", "the runtime, where --runtime is absent"),
    ("AWL_RUNTIME", "the runtime, where AGENT_WORKSPACE_RUNTIME is unset"),
    ("AWL_ENGINE", "the engine, where --engine is absent: auto, docker or podman"),
    (
        "AGENT_WORKSPACE_PREFIX",
        "container name prefix; stripped from names (default: agent-ws)",
    ),
    ("AGENT_WORKSPACE_HOME", "root directory of workspaces and records"),
    (
        "XDG_STATE_HOME",
        "its agent-workspace-launcher/workspaces is the root, where AGENT_WORKSPACE_HOME is unset",
    ),
    ("GITHUB_HOST", "the host of OWNER/REPO (default: github.com)"),
    ("AGENT_WORKSPACE_AUTH", "where tokens come from: auto, gh, env or none (default: auto)"),
    ("GH_TOKEN", "the token of github, where gh has none"),
    ("GITHUB_TOKEN", "the token of github, where GH_TOKEN is unset"),
    ("CODEX_SECRET_DIR", "folder of codex profiles"),
    ("CODEX_AUTH_FILE", "codex credentials (default: ~/.codex/auth.json)"),
    ("AGENT_WORKSPACE_GPG_KEY", "the key that signs, where --key is absent"),
    ("AGENT_ENV_IMAGE", "the container image, where --image is absent"),
    ("CODEX_ENV_IMAGE", "the container image, where AGENT_ENV_IMAGE is unset"),
    ("AWL_NO_MIGRATION_NOTICE", "1 silences the migration notice"),
    ("NO_COLOR", "no colours"),
)
OWN: tuple[tuple[str, str], ...] = (
    ("AWL_EXTRA_REPOS", "repositories cloned under opt/, separated by white space"),
    ("AWL_ENGINE_TIMEOUT", "seconds that an engine may take to answer a question (default: 5)"),
    ("AWL_DEBUG", "1 shows where the launcher itself has failed"),
)
