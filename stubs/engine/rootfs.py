"""What a container sees: made as plain folders when it is created, mounted when it starts.

The root is a folder of the state, so what a container writes outlives its stop. Programs and
libraries are the machine's own, bound read-only; nothing else of the machine shows.
"""

from __future__ import annotations

import os

from engine import kernel

TYPE_CHECKING = False  # importing `typing` costs as much as starting the interpreter
if TYPE_CHECKING:
    from engine.jsonlite import Doc

__all__ = ["Account", "NoSuchUser", "account", "build", "copy_tree", "mount_all", "seed_volume"]

_FOLDERS = ("dev", "etc", "home", "media", "mnt", "opt", "proc", "run", "srv", "sys", "usr",
            "var", "var/lib", "var/log", "var/cache", "var/mail", "var/spool")  # fmt: skip
_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC_FILES = ("bash.bashrc", "debian_version", "gai.conf", "host.conf", "inputrc", "ld.so.cache",
              "ld.so.conf", "localtime", "mime.types", "nsswitch.conf", "os-release", "profile",
              "protocols", "resolv.conf", "services", "timezone")  # fmt: skip
_ETC_FOLDERS = ("alternatives", "ld.so.conf.d", "ssl", "ca-certificates", "pki", "terminfo")
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
_DEVICE_LINKS = (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("ptmx", "pts/ptmx"),
                 ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"))  # fmt: skip
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_RDONLY = 2, 4, 8, 1
_STICKY = 0o1777


class NoSuchUser(Exception):
    """A user or group that the container's files do not know; the message is docker's."""


class Account:
    """Who a process in the container is: numbers, and the home that docker gives it."""

    def __init__(self, uid: int, gid: int, home: str, groups: list[int]) -> None:
        self.uid, self.gid, self.home, self.groups = uid, gid, home, groups


def _lines(path: str) -> list[list[str]]:
    try:
        with open(path, encoding="utf-8") as file:
            return [line.split(":") for line in file.read().splitlines()]
    except OSError:
        return []


def account(user: str, etc: str) -> Account:
    """Resolve `-u` or the image's User against the passwd and group files in `etc`.

    NoSuchUser carries docker's words where a name is unknown.
    """
    name, _, group = user.partition(":")
    uid, gid, home, groups = 0, 0, "/", [0]
    wanted = name or "root"
    entry = next((row for row in _lines(f"{etc}/passwd") if wanted in (row[0], row[2])), None)
    groups_file = _lines(f"{etc}/group")
    if entry is not None:
        uid, gid, home = int(entry[2]), int(entry[3]), entry[5]
        groups = [int(row[2]) for row in groups_file if entry[0] in row[3].split(",")]
    elif wanted.isdigit():
        uid, groups = int(wanted), []
    else:
        raise NoSuchUser(f"unable to find user {name}: no matching entries in passwd file")
    if group:
        row = next((row for row in groups_file if group in (row[0], row[2])), None)
        if row is None and not group.isdigit():
            raise NoSuchUser(f"unable to find group {group}: no matching entries in group file")
        gid, groups = (int(row[2]) if row else int(group)), []
    return Account(uid, gid, home, groups)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _own(path: str, uid: int, gid: int) -> None:
    try:
        os.chown(path, uid, gid, follow_symlinks=False)
    except PermissionError:
        return  # an unprivileged caller owns everything in its containers: declared in README.md


def copy_tree(source: str, target: str, *, owners: bool = True) -> None:
    """Copy files, folders and links with their modes, and `owners`; no special files."""
    for entry in os.scandir(source):
        there = f"{target}/{entry.name}"
        facts = entry.stat(follow_symlinks=False)
        if os.path.islink(there) or (os.path.lexists(there) and not entry.is_dir()):
            os.unlink(there)  # a link there could lead out of the container
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), there)
        elif entry.is_dir():
            os.makedirs(there, exist_ok=True)
            copy_tree(entry.path, there, owners=owners)
        elif entry.is_file():
            with open(entry.path, "rb") as old, open(there, "wb") as new:
                new.write(old.read())
        else:
            continue
        if not entry.is_symlink():
            os.chmod(there, facts.st_mode & 0o7777)
        if owners:
            _own(there, facts.st_uid, facts.st_gid)


def build(folder: str, image: Doc, hostname: str) -> None:
    """Make a new container's folders: `root` and `local` (its /usr/local)."""
    root, more = f"{folder}/root", image.get("Fake", {})
    for name in _FOLDERS:
        os.mkdir(f"{root}/{name}") if name != "dev" else os.makedirs(f"{root}/dev")
    for name, mode in (("tmp", _STICKY), ("var/tmp", _STICKY), ("root", 0o700)):
        os.mkdir(f"{root}/{name}")
        os.chmod(f"{root}/{name}", mode)
    for name in ("", "/bin", "/sbin", "/lib", "/share", "/etc"):
        os.mkdir(f"{folder}/local{name}")
    for name in _PROGRAMS:
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
        elif os.path.isdir(f"/{name}"):
            os.mkdir(f"{root}/{name}")
    _build_etc(f"{root}/etc", more, hostname)
    if more.get("bin"):
        copy_tree(more["bin"], f"{folder}/local/bin")
    for name, uid in more.get("users", {}).items():
        os.makedirs(f"{root}/home/{name}", exist_ok=True)
        _own(f"{root}/home/{name}", uid, uid)
    for path, owner in more.get("folders", {}).items():
        os.makedirs(root + path, exist_ok=True)
        who = account(owner, f"{root}/etc")
        _own(root + path, who.uid, who.gid)


def _build_etc(etc: str, more: Doc, hostname: str) -> None:
    for name in _ETC_FILES:
        path = f"/etc/{name}"
        if os.path.islink(path):
            os.symlink(os.readlink(path), f"{etc}/{name}")
        elif os.path.isfile(path):
            with open(path, "rb") as old, open(f"{etc}/{name}", "wb") as new:
                new.write(old.read())
    for name in _ETC_FOLDERS:
        if os.path.isdir(f"/etc/{name}"):
            os.mkdir(f"{etc}/{name}")
    passwd = ["root:x:0:0:root:/root:/bin/bash", "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh"]
    group = ["root:x:0:", "tty:x:5:", "nogroup:x:65534:"]
    for name, uid in more.get("users", {}).items():
        passwd.append(f"{name}:x:{uid}:{uid}::/home/{name}:/bin/bash")
        group.append(f"{name}:x:{uid}:")
    _write(f"{etc}/passwd", "\n".join(passwd) + "\n")
    _write(f"{etc}/group", "\n".join(group) + "\n")
    _write(f"{etc}/hostname", f"{hostname}\n")
    _write(
        f"{etc}/hosts",
        f"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n127.0.1.1\t{hostname}\n",
    )
    os.symlink("/proc/mounts", f"{etc}/mtab")
    if more.get("etc"):
        copy_tree(more["etc"], etc)


def seed_volume(data: str, shown: str) -> None:
    """A volume's first use takes over what the image has at that path, owner and mode included."""
    if not os.path.isdir(shown) or os.listdir(data):
        return
    facts = os.stat(shown)
    copy_tree(shown, data)
    os.chmod(data, facts.st_mode & 0o7777)
    _own(data, facts.st_uid, facts.st_gid)


def mount_all(folder: str, doc: Doc, *, full: bool) -> None:
    """In a fresh mount namespace, make the container's view and make it the root.

    `full` says that the user namespace knows every uid. OSError where the kernel refuses.
    """
    root, host = f"{folder}/root", doc["HostConfig"]
    kernel.mount("none", "/", "", 0x4000 | 1 << 18)  # MS_REC | MS_PRIVATE
    kernel.bind(root, root)
    kernel.bind("/usr", f"{root}/usr", readonly=True)
    _hide(doc, f"{root}/usr", folder)
    if os.path.isdir("/usr/local"):
        kernel.bind(f"{folder}/local", f"{root}/usr/local")
    for name in _PROGRAMS:
        if os.path.isdir(f"/{name}") and not os.path.islink(f"/{name}"):
            kernel.bind(f"/{name}", f"{root}/{name}", readonly=True)
    for name in _ETC_FOLDERS:
        if os.path.isdir(f"{root}/etc/{name}") and os.path.isdir(f"/etc/{name}"):
            kernel.bind(f"/etc/{name}", f"{root}/etc/{name}", readonly=True)
    safe = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    kernel.mount("proc", f"{root}/proc", "proc", safe | _MS_RDONLY)
    _devices(f"{root}/dev", full=full)
    for spot in sorted(doc["Fake"]["mounts"], key=lambda one: str(one["to"])):
        _one_mount(root, spot)
    os.chdir(root)
    if host["ReadonlyRootfs"]:
        kernel.read_only(".", recursive=False)
        kernel.read_only("usr/local", recursive=False)
    kernel.pivot_here()


def _hide(doc: Doc, usr: str, folder: str) -> None:
    # Whiteouts in an overlay: the program is truly not there ("not found", not "not allowed").
    hidden = doc["Fake"].get("hidden") or []
    for where in ("bin", "sbin"):
        names = [name for name in hidden if os.path.lexists(f"/usr/{where}/{name}")]
        if not names:
            continue
        upper, work = f"{folder}/hide-{where}", f"{folder}/hide-{where}.work"
        for path in (upper, work):
            os.makedirs(path, exist_ok=True)
        for name in names:
            if not os.path.lexists(f"{upper}/{name}"):
                os.mknod(f"{upper}/{name}", 0o020000, 0)
        options = f"lowerdir=/usr/{where},upperdir={upper},workdir={work}"
        kernel.mount("overlay", f"{usr}/{where}", "overlay", 0, options)
        kernel.read_only(f"{usr}/{where}", recursive=False)


def _devices(dev: str, *, full: bool) -> None:
    kernel.mount("tmpfs", dev, "tmpfs", _MS_NOSUID, "mode=755,size=65536k")
    for name in _DEVICES:
        os.close(os.open(f"{dev}/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        kernel.bind(f"/dev/{name}", f"{dev}/{name}")
    for name, target in _DEVICE_LINKS:
        os.symlink(target, f"{dev}/{name}")
    for name in ("pts", "shm"):
        os.mkdir(f"{dev}/{name}")
    group = ",gid=5" if full else ""
    quiet = _MS_NOSUID | _MS_NOEXEC
    kernel.mount(
        "devpts", f"{dev}/pts", "devpts", quiet, f"newinstance,ptmxmode=0666,mode=0620{group}"
    )
    kernel.mount("shm", f"{dev}/shm", "tmpfs", quiet | _MS_NODEV, "mode=1777,size=65536k")


def _one_mount(root: str, spot: Doc) -> None:
    target = root + spot["to"]
    if not (os.path.realpath(target) + "/").startswith(os.path.realpath(root) + "/"):
        raise OSError(f"mount point {spot['to']} leads out of the container")
    if spot["kind"] == "tmpfs":
        os.makedirs(target, exist_ok=True)
        kernel.mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, spot["options"])
        return
    if os.path.isdir(spot["from"]):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(target.rpartition("/")[0], exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    kernel.bind(spot["from"], target, readonly=spot["readonly"])
