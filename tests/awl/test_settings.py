from __future__ import annotations

import pytest

from awl import config, paths
from awl.errors import AwlError, RuntimeInvalid, ValueInvalid
from awl.redact import redact, remember, shell_line
from awl.runtimes import registry


@pytest.mark.parametrize(
    ("flag", "environment", "expected"),
    [
        ("a", {"AGENT_WORKSPACE_RUNTIME": "b", "AWL_RUNTIME": "c"}, ("a", "--runtime")),
        (None, {"AGENT_WORKSPACE_RUNTIME": "b", "AWL_RUNTIME": "c"},
         ("b", "AGENT_WORKSPACE_RUNTIME")),
        (None, {"AWL_RUNTIME": "c"}, ("c", "AWL_RUNTIME")),
        (None, {}, ("container", "the default")),
        (None, {"AGENT_WORKSPACE_RUNTIME": ""}, ("", "AGENT_WORKSPACE_RUNTIME")),
    ],
)  # fmt: skip
def test_the_runtime_comes_from_flag_then_variables_then_the_default(
    flag: str | None, environment: dict[str, str], expected: tuple[str, str]
) -> None:
    assert tuple(config.runtime(flag, environment)) == expected


@pytest.mark.parametrize(
    ("value", "name"),
    [("host", "host"), (" Native ", "host"), ("DOCKER", "container"), ("container", "container")],
)
def test_case_and_outer_spaces_of_a_runtime_do_not_matter(value: str, name: str) -> None:
    assert registry.canonical(config.Setting(value, "--runtime")) == name


@pytest.mark.parametrize("value", ["", " ", "hots", "host,container"])
def test_an_unknown_runtime_is_named_with_its_origin(value: str) -> None:
    with pytest.raises(RuntimeInvalid) as caught:
        registry.canonical(config.Setting(value, "AWL_RUNTIME"))
    assert repr(value) in caught.value.message
    assert "AWL_RUNTIME" in caught.value.message
    assert "container, host, docker, native" in caught.value.message


def test_the_image_comes_from_flag_then_variables_then_the_pinned_one() -> None:
    environment = {"AGENT_ENV_IMAGE": "b", "CODEX_ENV_IMAGE": "c"}
    assert config.image("a", environment).value == "a"
    assert config.image(None, environment).value == "b"
    assert config.image(None, {"CODEX_ENV_IMAGE": "c", "AGENT_ENV_IMAGE": ""}).value == "c"
    assert config.image(None, {}).value == config.DEFAULT_IMAGE


@pytest.mark.parametrize("image", ["", "--privileged", "a b", "a\n"])
def test_what_is_no_image_is_refused(image: str) -> None:
    with pytest.raises(ValueInvalid, match="--image"):
        config.image(image, {})


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "inf", "1e9"])
def test_a_time_limit_is_a_number_of_seconds(text: str) -> None:
    with pytest.raises(ValueInvalid, match="AWL_ENGINE_TIMEOUT"):
        config.engine_time_limit({"AWL_ENGINE_TIMEOUT": text})


def test_the_root_follows_the_variables_in_order() -> None:
    below = "agent-workspace-launcher/workspaces"
    whole = {"AGENT_WORKSPACE_HOME": "/a", "XDG_STATE_HOME": "/x", "HOME": "/h"}
    assert paths.root(whole) == "/a"
    assert paths.root(whole | {"AGENT_WORKSPACE_HOME": ""}) == f"/x/{below}"
    assert paths.root({"XDG_STATE_HOME": "rel", "HOME": "/h"}) == f"/h/.local/state/{below}"
    with pytest.raises(AwlError, match="HOME"):
        paths.root({"HOME": "rel"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/work", True), ("/work/a", True), ("/work2", False), ("/work/../etc", False), ("/", False)],
)
def test_inside_ends_at_path_boundaries(path: str, expected: bool) -> None:
    assert paths.inside(path, "/work") is expected


def test_secrets_are_masked_wherever_they_stand() -> None:
    remember("canary-1")
    shown = redact("x https://me:pw@h/a y me:pw@h z canary-1 ssh://git@h/a git@h:a/b")
    assert shown == "x https://***@h/a y ***@h z *** ssh://git@h/a git@h:a/b"
    assert redact("https://a@b@c/d") == "https://***@c/d"


def test_a_line_for_the_shell_quotes_what_needs_it() -> None:
    assert shell_line(["awl", "a b", "it's", "", "x=1"]) == """awl 'a b' 'it'"'"'s' '' x=1"""
