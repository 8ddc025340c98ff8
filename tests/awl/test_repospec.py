from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awl.errors import RefInvalid, RepoInvalid
from awl.repospec import check_ref, parse


@pytest.mark.parametrize(
    ("text", "url", "owner", "name"),
    [
        ("acme/tool", "https://github.com/acme/tool.git", "acme", "tool"),
        ("acme/tool.git", "https://github.com/acme/tool.git", "acme", "tool"),
        ("acme/.github", "https://github.com/acme/.github.git", "acme", ".github"),
        ("https://h.example/acme/tool", "https://h.example/acme/tool", "acme", "tool"),
        ("http://h:8080/acme/tool.git", "http://h:8080/acme/tool.git", "acme", "tool"),
        ("https://h/a/b/c/tool.git/", "https://h/a/b/c/tool.git/", "c", "tool"),
        ("https://h/tool", "https://h/tool", "h", "tool"),
        ("git@h:acme/tool.git", "git@h:acme/tool.git", "acme", "tool"),
        ("git@h:a/b/tool", "git@h:a/b/tool", "b", "tool"),
        ("ssh://git@h:2222/acme/tool", "ssh://git@h:2222/acme/tool", "acme", "tool"),
        ("file:///srv/acme/tool.git", "file:///srv/acme/tool.git", "acme", "tool"),
        ("/srv/acme/tool.git", "/srv/acme/tool.git", "acme", "tool"),
        ("/srv/my acme/tool/.git", "/srv/my acme/tool/.git", "my acme", "tool"),
        ("./acme/tool", "/here/acme/tool", "acme", "tool"),
        ("..", "/", None, None),
    ],
)
def test_forms_of_a_repository(text: str, url: str, owner: str | None, name: str | None) -> None:
    if owner is None:
        with pytest.raises(RepoInvalid):
            parse(text, cwd="/here")
        return
    spec = parse(text, cwd="/here")
    assert (spec.url, spec.owner, spec.name) == (url, owner, name)


def test_owner_and_repo_are_on_the_persons_github_host() -> None:
    assert parse("a/b", github_host="ghe.example:8443").url == "https://ghe.example:8443/a/b.git"
    with pytest.raises(RepoInvalid, match="GITHUB_HOST"):
        parse("a/b", github_host="evil@host/x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "tool",
        "a/b/c",
        "-a/b",
        "a/..",
        "../..",
        "--upload-pack=touch x",
        "ext::sh -c touch% x",
        "ext::sh",
        "fd::17/foo",
        "git://h/a/b",
        "ftp://h/a/b",
        "https:///a/b",
        "https://-h/a/b",
        "https://h",
        "https://h/a/..",
        "https://h/a/-b",
        "https://h:99999/a/b",
        "https://h/a/b?x=1",
        "https://h/a/b c",
        "git@h:",
        "git@-h:a/b",
        "git@h:-oProxyCommand=x/b",
        "ssh://-oProxyCommand=x/a/b",
        "ssh://git:pw@h/a/b",
        "file://host/a/b",
        "/",
        "a\nb/c",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(RepoInvalid):
        parse(text)


def test_user_info_is_cut_out_of_the_url_and_never_shown() -> None:
    spec = parse("https://me:s3cr%40t@h:8443/acme/tool")
    assert spec.url == "https://h:8443/acme/tool"
    assert (spec.user, spec.password) == ("me", "s3cr%40t")
    with pytest.raises(RepoInvalid) as caught:
        parse("https://me:hunter2@h/a/..")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=60))
def test_no_text_leads_out_of_the_workspace(text: str) -> None:
    try:
        spec = parse(text, cwd="/here")
    except RepoInvalid:
        return
    for part in (spec.owner, spec.name):
        assert part not in {"", ".", "..", ".git"}
        assert "/" not in part
        assert not part.startswith("-")
    assert not spec.url.startswith("-")


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1.2", "0a1b2c3", "refs/tags/v1", "a-b_c"])
def test_names_of_refs_pass(ref: str) -> None:
    assert check_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["", "-x", "--upload-pack=x", "a..b", "a b", "a\nb", "a~1", "a^", "a:b", "x.lock", "a//b",
     "/a", "a/", ".a", "a/.b", "@", "a@{1}", "a?", "a*", "a[", "a\\b", "a."],
)  # fmt: skip
def test_what_no_ref_can_be_called_is_refused(ref: str) -> None:
    with pytest.raises(RefInvalid):
        check_ref(ref)
