"""The command line as data, written by scripts/completion_table.py: not to be edited."""

# What the commands say of themselves, in lines as long as they come.
# ruff: noqa: E501

from __future__ import annotations

from awl.completion.form import Argument, Command, Option

__all__ = ["COMMANDS", "GLOBAL"]

# fmt: off

GLOBAL: tuple[Option, ...] = (
    Option(('--runtime',), 'NAME', 'container (docker) or host (native).'),
    Option(('--engine',), 'ENGINE', 'auto, docker or podman.'),
    Option(('--output',), 'VALUE', 'The form of results and errors.', False, ('text', 'json')),
    Option(('--json',), None, 'The same as --output json.'),
    Option(('--quiet', '-q'), None, 'Say nothing on the side.'),
    Option(('--verbose', '-v'), None, 'Show each command it runs.'),
    Option(('--help', '-h'), None, 'Show this message and exit.'),
)

COMMANDS: dict[str, Command] = {
    'create': Command(
        'Make a workspace.',
        (
            Option(('--name',), 'NAME', "Its name (default: the repository's)."),
            Option(('--ref',), 'REF', 'Branch, tag or commit to check out.'),
            Option(('--private-repo',), 'REPO', 'Clone it under private/.', True),
            Option(('--no-work-repos', '--no-clone'), None, 'Clone no work repository.'),
            Option(('--no-extras',), None, 'Clone no extra repositories.'),
            Option(('--image',), 'IMAGE', "The container's image."),
            Option(('--no-pull',), None, 'Never pull an image.'),
            Option(('--keep-failed',), None, 'Leave a failed workspace for a look.'),
            Option(('--dry-run', '-n'), None, 'Print the commands and make nothing.'),
        ),
        (
            Argument('repos', True),
        ),
    ),
    'ls': Command(
        'List workspaces.',
        (
            Option(('--all',), None, 'Of every runtime.'),
        ),
        (
        ),
    ),
    'exec': Command(
        'Run a command in a workspace.',
        (
            Option(('--root',), None, 'As root (container).'),
            Option(('--user',), 'USER', 'As this user (container).'),
            Option(('--cwd',), 'DIR', 'In this directory, from the work folder.'),
            Option(('--env', '-e'), 'K[=V]', 'With this variable.', True),
        ),
        (
            Argument('workspace'),
            Argument('words', True),
        ),
    ),
    'reset': Command(
        'Bring repositories back to a remote branch.',
        (
            Option(('--ref',), 'REMOTE/BRANCH', 'What to reset to (default: origin/main; where it is absent, the default branch).'),
            Option(('--root',), 'DIR', 'work-repos: search here.'),
            Option(('--depth',), 'N', 'work-repos: so deep (default: 3).'),
            Option(('--yes', '-y'), None, 'Do not ask.'),
        ),
        (
            Argument('what', False, ('repo', 'work-repos', 'opt-repos', 'private-repo')),
            Argument('workspace'),
            Argument('path'),
        ),
    ),
    'auth': Command(
        'Hand credentials to a workspace.',
        (
            Option(('--host',), 'HOST', 'github: the host (default: GITHUB_HOST or github.com).'),
            Option(('--profile',), 'NAME', 'codex: the profile.'),
            Option(('--key',), 'KEY', 'gpg: the secret key.'),
        ),
        (
            Argument('provider', False, ('github', 'codex', 'gpg')),
            Argument('workspace'),
        ),
    ),
    'tunnel': Command(
        'Open an editor tunnel into a workspace.',
        (
            Option(('--name',), 'NAME', "The tunnel's name (default: the workspace's)."),
            Option(('--detach',), None, 'Go on in the background.'),
            Option(('--stop',), None, 'End the detached tunnel.'),
        ),
        (
            Argument('workspace'),
        ),
    ),
    'start': Command(
        'Start workspaces.',
        (
        ),
        (
            Argument('workspace', True),
        ),
    ),
    'stop': Command(
        'Stop workspaces.',
        (
            Option(('--time',), 'SECONDS', 'Kill it after so long (default: 10).'),
        ),
        (
            Argument('workspace', True),
        ),
    ),
    'restart': Command(
        'Stop and start workspaces.',
        (
            Option(('--time',), 'SECONDS', 'Kill it after so long (default: 10).'),
        ),
        (
            Argument('workspace', True),
        ),
    ),
    'status': Command(
        'Show one workspace.',
        (
        ),
        (
            Argument('workspace'),
        ),
    ),
    'logs': Command(
        "Print what a workspace's first process printed.",
        (
            Option(('--follow', '-f'), None, 'Go on as more comes.'),
            Option(('--tail',), 'LINES', 'Only the last lines.'),
        ),
        (
            Argument('workspace'),
        ),
    ),
    'sync': Command(
        'Copy files into or out of a workspace.',
        (
            Option(('--delete',), None, 'Remove in DST what SRC has not.'),
            Option(('--dry-run', '-n'), None, 'Only say what would be done.'),
        ),
        (
            Argument('direction', False, ('push', 'pull')),
            Argument('workspace'),
            Argument('source'),
            Argument('target'),
        ),
    ),
    'rm': Command(
        'Remove workspaces.',
        (
            Option(('--all',), None, 'Every workspace of the runtime.'),
            Option(('--yes', '-y'), None, 'Do not ask.'),
            Option(('--force',), None, 'Also where work would be lost.'),
            Option(('--keep-volumes',), None, 'Keep the volumes (container).'),
        ),
        (
            Argument('workspace', True),
        ),
    ),
    'capabilities': Command(
        'Show what each runtime supports.',
        (
        ),
        (
        ),
    ),
    'doctor': Command(
        'Find what is wrong and say how to mend it.',
        (
            Option(('--fix',), None, 'Mend what can be mended; asks before anything is removed.'),
            Option(('--yes', '-y'), None, 'Do not ask.'),
        ),
        (
        ),
    ),
    'completion': Command(
        'Completion and short commands for shells.',
        (
        ),
        (
            Argument('what', False, ('bash', 'zsh', 'fish', 'install', 'uninstall')),
            Argument('shell', False, ('bash', 'zsh', 'fish')),
        ),
    ),
    'version': Command(
        'Show versions.',
        (
        ),
        (
        ),
    ),
    'help': Command(
        'Show help on a command, on exit-codes or environment.',
        (
        ),
        (
            Argument('topic'),
        ),
    ),
}
