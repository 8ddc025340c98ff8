"""`images`, `pull`, `tag`, `rmi` and their `image` forms."""

from __future__ import annotations

from engine.commands.inspect import inspect_each
from engine.errors import CliError, DaemonError, NotFound
from engine.images import check_reference, full_reference
from engine.render import age, image_size, matches, now, rows, seconds_of

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.call import Call
    from engine.jsonlite import Doc

__all__ = ["inspect", "ls", "pull", "rm", "tag"]

_TABLE = [
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
]


def _fits(doc: Doc, filters: list[str]) -> bool:
    labels = doc["Config"]["Labels"] or {}
    for text in filters:
        name, _, value = text.partition("=")
        if name == "label":
            key, equals, wanted = value.partition("=")
            good = key in labels and (not equals or labels[key] == wanted)
        elif name == "reference":
            pattern = "^" + value.replace(".", r"\.").replace("*", "[^/]*") + "$"
            good = any(
                matches(pattern, tag)
                or matches(pattern, tag.rpartition(":")[0])
                or value in (tag, tag.rpartition(":")[0])
                for tag in doc["RepoTags"]
            )
        elif name == "dangling":
            good = (not doc["RepoTags"]) == (value in ("1", "true"))
        else:
            raise DaemonError(f"Invalid filter '{name}'")
        if not good:
            return False
    return True


def ls(call: Call) -> int:
    """List images, newest first; an argument is a repository or a whole reference."""
    flags = call.flags("all,a digests filter,f=list format=text no-trunc quiet,q",
                       "[OPTIONS] [REPOSITORY[:TAG]]", "List images", at_most=1)  # fmt: skip
    wanted = flags.args[0] if flags.args else ""
    items = []
    for doc in call.images.all():
        if not _fits(doc, flags.texts("filter")):
            continue
        for tag in doc["RepoTags"] or ["<none>:<none>"]:
            repository, _, label = tag.rpartition(":")
            if wanted in ("", repository) or full_reference(wanted) == tag:
                items.append(_row(doc, repository, label, whole=flags.on("no-trunc")))
    if flags.on("quiet"):
        for ident in dict.fromkeys(item["ID"] for item in items):
            call.out(ident)
        return 0
    rows(call, flags.text("format"), items, _TABLE, {})
    return 0


def _row(doc: Doc, repository: str, tag: str, *, whole: bool) -> Doc:
    created = doc["Created"]
    return {
        "Containers": "N/A", "CreatedAt": f"{created[:10]} {created[11:19]} +0000 UTC",
        "CreatedSince": f"{age(now() - seconds_of(created))} ago", "Digest": "<none>",
        "ID": doc["Id"] if whole else doc["Id"][7:19], "Repository": repository,
        "SharedSize": "N/A", "Size": image_size(doc["Size"]), "Tag": tag, "UniqueSize": "N/A",
        "VirtualSize": image_size(doc["Size"]),
    }  # fmt: skip


def inspect(call: Call) -> int:
    """Whole documents of images."""
    flags = call.flags(
        "format,f=text",
        "[OPTIONS] IMAGE [IMAGE...]",
        "Display detailed information on one or more images",
        at_least=1,
    )
    return inspect_each(call, flags.args, flags.text("format"), "image")


def pull(call: Call) -> int:
    """Fetch an image that the state's registry holds."""
    flags = call.flags(
        "all-tags,a disable-content-trust platform=text quiet,q",
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        "Pull an image or a repository from a registry",
        at_least=1,
        at_most=1,
    )
    ref = flags.args[0]
    check_reference(ref)
    wanted = full_reference(ref)
    repository, _, tag = wanted.rpartition(":")
    if ":" not in ref.rpartition("/")[2] and not flags.on("quiet"):
        call.out("Using default tag: latest")
    call.needs_registry()
    doc, new = call.images.pull(ref)
    if not flags.on("quiet"):
        call.out(f"{tag}: Pulling from {repository}\nDigest: {doc['Id']}")
        call.out(
            f"Status: {'Downloaded newer image for' if new else 'Image is up to date for'} {wanted}"
        )
    host = "" if "." in wanted.partition("/")[0] else "docker.io/"
    call.out(f"{host}{'library/' if host and '/' not in wanted else ''}{wanted}")
    return 0


def tag(call: Call) -> int:
    """Give an image another reference."""
    flags = call.flags(
        "",
        "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
        "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
        at_least=2,
        at_most=2,
    )
    try:
        call.images.tag(*flags.args)
    except CliError as error:
        raise CliError(
            f'Error parsing reference: "{flags.args[1]}" is not a valid repository/tag: '
            f"{error.message}"
        ) from None
    return 0


def rm(call: Call) -> int:
    """Untag images, and delete those that have no tag left."""
    flags = call.flags(
        "force,f no-prune", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", at_least=1
    )
    for name in flags.args:
        try:
            for line in call.images.remove(name, force=flags.on("force")):
                call.out(line)
        except NotFound as error:
            call.err(f"Error: {error.message}")
            call.exit_code = 0 if flags.on("force") else 1
        except DaemonError as error:
            call.fail(error)
    return call.exit_code
