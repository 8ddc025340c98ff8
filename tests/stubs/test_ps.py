"""`docker ps` and `inspect`: lists, filters and templates."""

from __future__ import annotations

import json

import pytest

IMAGE = "agent-workspace/agent-env:v0.1.0"


@pytest.fixture
def many(fake):
    """Three containers: `one` and `two-1` are created, `run` runs."""
    fake("create", "--name", "one", "--label", "kind=a", "-v", "vol:/x", IMAGE)
    fake("create", "--name", "two-1", "--label", "kind=b", "--label", "flag", IMAGE, "echo", "a b")
    fake("run", "-d", "--init", "--name", "run", "--label", "kind=a", IMAGE)
    return fake


def _names(fake, *args):
    return fake("ps", "--format", "{{.Names}}", *args).lines


def test_newest_first_and_only_what_runs_unless_asked(many):
    assert _names(many) == ["run"]
    assert _names(many, "-a") == ["run", "two-1", "one"]
    assert _names(many, "-n", "2") == ["run", "two-1"]
    assert _names(many, "-l") == ["run"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["label=kind"], ["run", "two-1", "one"]),
        (["label=kind=a"], ["run", "one"]),
        (["label=kind=b", "label=flag"], ["two-1"]),
        (["label=kind=a", "label=flag"], []),
        (["name=o"], ["two-1", "one"]),
        (["name=^one$"], ["one"]),
        (["name=^/one$"], ["one"]),
        (["name=one", "name=run"], ["run", "one"]),
        (["status=created"], ["two-1", "one"]),
        (["status=running", "status=created"], ["run", "two-1", "one"]),
        (["volume=vol"], ["one"]),
        (["volume=/x"], ["one"]),
        (["ancestor=" + IMAGE], ["run", "two-1", "one"]),
        (["ancestor=other"], []),
        (["network=bridge", "name=run"], ["run"]),
        (["since=one"], ["run", "two-1"]),
        (["before=run"], ["two-1", "one"]),
        (["exited=0"], []),
    ],
)
def test_filters(many, filters, names):
    args = [word for text in filters for word in ("--filter", text)]
    assert _names(many, "-a", *args) == names


def test_the_id_filter_takes_a_start(many):
    ident = many("inspect", "-f", "{{.Id}}", "one").word
    assert _names(many, "-a", "-f", f"id={ident[:8]}") == ["one"]


def test_json_rows_have_the_real_clients_keys(many):
    rows = [json.loads(line) for line in many("ps", "-a", "--format", "{{json .}}").lines]
    assert sorted(rows[0]) == [
        "Command", "CreatedAt", "ID", "Image", "Labels", "LocalVolumes", "Mounts", "Names",
        "Networks", "Ports", "RunningFor", "Size", "State", "Status",
    ]  # fmt: skip
    assert {type(value) for value in rows[0].values()} == {str}
    assert rows[1]["Command"] == '"echo a b"'
    assert (rows[0]["State"], rows[2]["Status"], rows[2]["Mounts"]) == ("running", "Created", "vol")
    assert (
        many("ps", "-a", "--format", "json").out == many("ps", "-a", "--format", "{{json .}}").out
    )


def test_the_table_is_aligned_and_whole_ids_are_shown_on_demand(many):
    head, *rows = many("ps", "-a", "--no-trunc").lines
    at = head.index("IMAGE")
    assert head.split("   ")[0].strip() == "CONTAINER ID"
    assert all(row[:64].isalnum() and row[at:].startswith(IMAGE) for row in rows)
    assert many("ps", "--filter", "label=none").out == (
        "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n"
    )


def test_templates_take_labels_and_tables(many):
    form = 'table {{.Names}}\t{{.Label "kind"}}'
    assert many("ps", "-a", "--format", form, "-f", "name=one").lines[-1].split() == ["one", "a"]
    assert _names(many, "--format", '{{upper .Names}}-{{.Label "nokey"}}') == ["RUN-"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--filter", "bogus=1"], "Error response from daemon: Invalid filter 'bogus'\n"),
        (
            ["--filter", "status=bogus"],
            "Error response from daemon: Invalid filter 'status=bogus'\n",
        ),
        (["--format", "{{.Bogus}}"], "failed to execute template: template:"),
        (["x"], "\"docker ps\" accepts no arguments.\nSee 'docker ps --help'.\n"),
    ],
)
def test_what_ps_refuses(many, args, words):
    assert words in many("ps", *args, expect=1).err


def test_a_filter_without_a_value_is_the_clients_to_refuse(many):
    said = many("ps", "--filter", "bogus", expect=125).err
    assert "bad format of filter (expected name=value)" in said


def test_the_state_of_an_ended_container_tells_its_code(fake):
    fake("run", "--name", "one", IMAGE, "sh", "-c", "exit 3", expect=3)
    assert fake("ps", "-a", "--format", "{{.Status}}").out.startswith("Exited (3) ")
    assert _names(fake, "--filter", "exited=3") == ["one"]


def test_inspect_speaks_of_what_is_there_and_what_is_not(many):
    said = many("inspect", "-f", "{{.Name}}", "one", "absent-c", expect=1)
    assert (said.out, said.err) == ("/one\n", "Error: No such object: absent-c\n")
    many("inspect", "vol", IMAGE)
    assert (
        many("inspect", "--type", "volume", "one", expect=1).err == "Error: No such volume: one\n"
    )
    assert many("container", "inspect", "vol", expect=1).err == "Error: No such container: vol\n"
    assert many("inspect", "--type", "bogus", "one", expect=1).err == (
        '"bogus" is not a valid value for --type\n'
    )


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("{{.State.Status}}", "created"),
        ('{{index .Config.Labels "kind"}}|{{index .Config.Labels "no"}}', "a|"),
        ("{{.Config.Labels.kind}} {{.Config.Labels.no}}", "a <no value>"),
        ("{{json .HostConfig.CapAdd}} {{.HostConfig.CapAdd}}", "null <nil>"),
        ("{{range .Mounts}}{{.Type}}:{{.Name}}={{.Destination}}{{end}}", "volume:vol=/x"),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "kind=a;"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "down"),
        ('{{with .Config.Labels}}{{index . "kind"}}{{end}}', "a"),
        ('{{len .Mounts}} {{printf "%s-%d" .Name 3}}', "1 /one-3"),
        ('{{join .Config.Cmd " "}}', "sleep infinity"),
        ("{{(index .Mounts 0).Name}}", "vol"),
        ("{{.Name | upper | json}}", '"/ONE"'),
        ('{{if eq .State.Status "x" "created"}}yes{{else if true}}no{{end}}', "yes"),
        ("a {{- /* gone */ -}} b", "ab"),
        ("{{ .Name -}} \n x", "/onex"),
        ('{{if and .Name (not .State.Running)}}{{println "ok" 1}}{{end}}', "ok 1"),
    ],
)
def test_templates(many, form, out):
    assert many("inspect", "-f", form, "one").word == out


@pytest.mark.parametrize(
    ("form", "code", "words"),
    [
        ("{{.Bogus}}", 1, 'map has no entry for key "Bogus"'),
        ("{{.Bogus", 64, "unclosed action"),
        ("{{bogus .}}", 64, 'function "bogus" not defined'),
        ("{{if .Name}}", 64, "unexpected EOF"),
        ("{{end}}", 64, "unexpected {{end}}"),
        ("{{}}", 64, "missing value for command"),
        ('{{"open}}', 64, "unterminated quoted string"),
        ("{{index .Mounts 9}}", 1, "error calling index"),
        ("{{.Name.X}}", 1, "can't evaluate field X"),
    ],
)
def test_bad_templates_are_told_apart_from_bad_fields(many, form, code, words):
    said = many("inspect", "-f", form, "one", expect=code)
    assert said.err.startswith("template parsing error: template: ")
    assert words in said.err


def test_killed_half_made_folders_are_no_containers(many):
    (many.state / "containers" / ("f" * 64)).mkdir()
    assert len(_names(many, "-a")) == 3
    many("inspect", "f" * 12, expect=1)
    (many.state / "containers" / ("f" * 64)).rmdir()
