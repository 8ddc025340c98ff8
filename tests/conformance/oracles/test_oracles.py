"""Each oracle says yes to what is right and no to the smallest wrong; none says yes to nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.catalogue.step import (
    EngineExpect,
    Expect,
    FileExpect,
    JsonExpect,
    Presence,
    TextExpect,
    TtyEof,
)
from conformance.evidence import Evidence
from conformance.oracles import examine
from conformance.oracles.documents import at
from conformance.world.engines import Call
from conformance.world.observe import EngineState, Snapshot

Make = Callable[..., Evidence]
Take = Callable[..., Snapshot]


def failures(evidence: Evidence) -> list[str]:
    return [check.oracle for check in examine(evidence) if not check.ok]


class TestEnding:
    def test_the_exact_exit_code_is_wanted(self, evidence: Make) -> None:
        assert failures(evidence(Expect(exit=3), exit=3)) == []
        assert failures(evidence(Expect(exit=3), exit=2)) == ["exit code"]

    def test_where_chance_decides_one_of_several_codes_will_do(self, evidence: Make) -> None:
        expected = Expect(exit=137, or_exits=(0,))
        assert failures(evidence(expected, exit=0)) == []
        assert failures(evidence(expected, exit=137)) == []
        assert failures(evidence(expected, exit=1)) == ["exit code"]

    def test_a_signal_counts_as_a_shell_counts_it(self, evidence: Make) -> None:
        assert failures(evidence(Expect(exit=130), exit=None, signal=2)) == []
        assert failures(evidence(Expect(exit=0), exit=None, signal=11)) == ["exit code"]

    def test_a_command_that_does_not_end_fails(self, evidence: Make) -> None:
        found = failures(evidence(Expect(exit=137), exit=None, signal=9, timed_out=True))
        assert found == ["ends"]

    def test_a_bound_on_time_is_kept(self, evidence: Make) -> None:
        assert failures(evidence(Expect(exit=0, within=1), duration=0.9)) == []
        assert failures(evidence(Expect(exit=0, within=1), duration=1.1)) == ["time"]

    @pytest.mark.parametrize("stream", ["stdout", "stderr"])
    def test_a_traceback_fails_whatever_the_code(self, evidence: Make, stream: str) -> None:
        text = b'Traceback (most recent call last)\n  File "x"\n'
        assert failures(evidence(Expect(exit=1), exit=1, **{stream: text})) == ["no crash"]

    def test_a_terminal_script_must_be_followed(self, evidence: Make) -> None:
        step = {"tty": (TtyEof(),)}
        assert failures(evidence(Expect(exit=0), step=step)) == []
        found = failures(evidence(Expect(exit=0), step=step, unmet="it did not come"))
        assert found == ["terminal"]


class TestErrors:
    EXPECT = Expect(exit=3, error="workspace-not-found")

    def test_the_code_is_read_from_the_text(self, evidence: Make) -> None:
        good = b"warning: x\nawl: error[workspace-not-found]: no such\nhint: awl ls\n"
        assert failures(evidence(self.EXPECT, exit=3, stderr=good)) == []

    @pytest.mark.parametrize("text", [b"", b"awl: error[usage]: no\n", b"workspace-not-found\n"])
    def test_another_code_or_none_fails(self, evidence: Make, text: bytes) -> None:
        assert failures(evidence(self.EXPECT, exit=3, stderr=text)) == ["error code"]

    def test_something_on_stdout_fails(self, evidence: Make) -> None:
        text = b"error[workspace-not-found]: x\n"
        assert failures(evidence(self.EXPECT, exit=3, stderr=text, stdout=b"x")) == ["clean stdout"]

    def document(self, **change: object) -> bytes:
        error = {"code": "workspace-not-found", "message": "m", "hint": None, "exit_code": 3}
        return json.dumps({"schema_version": 1, "error": {**error, **change}}).encode()

    def test_with_json_one_document_is_wanted(self, evidence: Make) -> None:
        argv = ("awl", "--json", "ls")
        assert failures(evidence(self.EXPECT, exit=3, stderr=self.document(), argv=argv)) == []
        text = b"awl: error[workspace-not-found]: x\n"
        found = failures(evidence(self.EXPECT, exit=3, stderr=text, argv=argv))
        assert found == ["error code", "error document"]

    @pytest.mark.parametrize(
        "change", [{"exit_code": 1}, {"message": ""}, {"message": 3}, {"hint": 1}]
    )
    def test_a_document_against_its_schema_fails(
        self, evidence: Make, change: dict[str, object]
    ) -> None:
        argv = ("awl", "--output", "json", "ls")
        stderr = self.document(**change)
        found = failures(evidence(self.EXPECT, exit=3, stderr=stderr, argv=argv))
        assert found == ["error document"]


class TestStreams:
    @pytest.mark.parametrize(
        ("expect", "good", "bad"),
        [
            (TextExpect(equals="a\n"), b"a\n", b"a"),
            (TextExpect(lines=("a", "b")), b"a\nb\n", b"b\na\n"),
            (TextExpect(lines=()), b"", b"\n"),
            (TextExpect(contains=("a", "b")), b"xbxa", b"a"),
            (TextExpect(lacks=("a",)), b"b", b"ba"),
            (TextExpect(matches=r"^a+$"), b"x\naa\n", b"xaa"),
            (TextExpect(empty=True), b"", b" "),
            (TextExpect(empty=False), b"x", b""),
            (
                TextExpect(
                    sha256="ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
                ),
                b"a",
                b"b",
            ),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_text(self, evidence: Make, expect: TextExpect, good: bytes, bad: bytes) -> None:
        for stream in ("stdout", "stderr"):
            wanted = Expect(exit=0, **{stream: expect})  # type: ignore[arg-type]
            assert failures(evidence(wanted, **{stream: good})) == []
            assert failures(evidence(wanted, **{stream: bad})) == [stream]

    def test_bytes_that_are_no_text_are_compared_as_bytes(self, evidence: Make) -> None:
        raw = b"\xff\xfe\n"
        wanted = Expect(exit=0, stdout=TextExpect(equals=raw.decode("utf-8", "surrogateescape")))
        assert failures(evidence(wanted, stdout=raw)) == []
        assert failures(evidence(wanted, stdout=b"\\xff\\xfe\n")) == ["stdout"]


class TestDocuments:
    def test_values_by_path(self) -> None:
        document = {"a": [{"b": 1}, {"b": 2}], "c": None}
        assert at(document, "a[*].b") == [1, 2]
        assert at(document, "a[1].b") == 2
        assert at(document, "a.length") == 2
        assert at(document, "c") is None
        for path in ("x", "a[2]", "a.b", "c[*]"):
            with pytest.raises(LookupError):
                at(document, path)

    def test_a_document_is_held_against_schema_and_values(self, evidence: Make) -> None:
        empty = {"schema_version": 1, "workspaces": [], "unreachable": []}
        wanted = Expect(exit=0, json=JsonExpect("ls", {"workspaces.length": 0}))
        assert failures(evidence(wanted, stdout=json.dumps(empty).encode())) == []
        del empty["unreachable"]
        assert failures(evidence(wanted, stdout=json.dumps(empty).encode())) == ["json schema"]
        assert failures(evidence(wanted, stdout=b"")) == ["json"]
        assert failures(evidence(wanted, stdout=b"{}{}")) == ["json"]

    def test_true_is_not_one(self, evidence: Make) -> None:
        wanted = Expect(exit=0, json=JsonExpect(None, {"a": 1}))
        assert failures(evidence(wanted, stdout=b'{"a": 1}')) == []
        assert failures(evidence(wanted, stdout=b'{"a": true}')) == ["json value"]


class TestWorld:
    def test_workspaces_are_those_of_the_runtime(self, evidence: Make, snapshot: Take) -> None:
        wanted = Expect(exit=0, workspaces=Presence(("a",), ("b",)))
        good = snapshot(workspaces={"host": frozenset({"a"}), "container": frozenset({"b"})})
        bad = snapshot(workspaces={"host": frozenset({"b"}), "container": frozenset({"a"})})
        assert failures(evidence(wanted, after=good)) == []
        assert failures(evidence(wanted, after=bad)) == ["workspaces of host"] * 2

    def test_volumes(self, evidence: Make, snapshot: Take) -> None:
        wanted = Expect(exit=0, volumes=Presence(("v",), ("w",)))
        good = snapshot(engine=EngineState({}, frozenset({"v"})))
        assert failures(evidence(wanted, after=good)) == []
        assert failures(evidence(wanted, after=snapshot())) == ["volumes"]

    @pytest.mark.parametrize(
        ("part", "before", "after"),
        [
            ("home", {"home": {}}, {"home": {"x": "file"}}),
            ("decoys", {"decoys": {"x": "file 1"}}, {"decoys": {"x": "file 2"}}),
            (
                "workspaces",
                {"workspaces": {"host": frozenset({"a"})}},
                {"workspaces": {"host": frozenset()}},
            ),
            (
                "engine",
                {"engine": EngineState({"c": ("1", "running")})},
                {"engine": EngineState({"c": ("1", "exited")})},
            ),
        ],
    )
    def test_a_change_is_seen(
        self,
        evidence: Make,
        snapshot: Take,
        part: str,
        before: dict[str, object],
        after: dict[str, object],
    ) -> None:
        wanted = Expect(exit=0, unchanged=(part,))
        same = evidence(wanted, before=snapshot(**before), after=snapshot(**before))
        assert failures(same) == []
        other = evidence(wanted, before=snapshot(**before), after=snapshot(**after))
        assert failures(other) == [f"unchanged {part}"]

    def test_files(self, evidence: Make, tmp_path: Path) -> None:
        (tmp_path / "f").write_text("hello")
        (tmp_path / "f").chmod(0o600)
        (tmp_path / "l").symlink_to("f")
        good = {
            str(tmp_path): FileExpect("dir"),
            str(tmp_path / "f"): FileExpect("file", content="hello", contains=("ell",), mode=0o600),
            str(tmp_path / "l"): FileExpect("link"),
            str(tmp_path / "x"): FileExpect("absent"),
        }
        assert failures(evidence(Expect(exit=0, files=good))) == []
        for wrong, oracle in [
            (FileExpect("link"), "file"),
            (FileExpect("file", mode=0o644), "file mode"),
            (FileExpect("file", content="hell"), "file content"),
            (FileExpect("file", contains=("x",)), "file content"),
        ]:
            found = failures(evidence(Expect(exit=0, files={str(tmp_path / "f"): wrong})))
            assert found == [oracle]


class TestCallsAndSecrets:
    CALLS = (Call(("ps", "-a")), Call(("--log-level", "x", "volume", "ls")))

    def test_engine_calls_are_counted(self, evidence: Make) -> None:
        assert (
            failures(evidence(Expect(exit=0, engine=EngineExpect(calls=2)), calls=self.CALLS)) == []
        )
        for expect in (EngineExpect(calls=1), EngineExpect(max=1), EngineExpect(never=("ps",))):
            found = failures(evidence(Expect(exit=0, engine=expect), calls=self.CALLS))
            assert found == ["engine calls"]

    @pytest.mark.parametrize("place", ["stdout", "stderr"])
    def test_a_secret_on_a_stream_fails(self, evidence: Make, place: str) -> None:
        found = failures(evidence(Expect(exit=0), secrets=("s3cret",), **{place: b"a s3cret b"}))
        assert found == ["secrets"]

    def test_a_secret_in_an_engine_call_fails_and_is_not_shown(self, evidence: Make) -> None:
        made = evidence(Expect(exit=0), secrets=("s3cret",), calls=(Call(("run", "K=s3cret")),))
        found = [check for check in examine(made) if not check.ok]
        assert [check.oracle for check in found] == ["secrets"]
        assert "s3cret" not in found[0].observed

    def test_a_command_told_to_print_it_may(self, evidence: Make) -> None:
        wanted = Expect(exit=0, stdout=TextExpect(equals="s3cret\n"))
        assert failures(evidence(wanted, secrets=("s3cret",), stdout=b"s3cret\n")) == []


def test_subcommands_of_calls() -> None:
    assert Call(("run", "-d", "x")).subcommand == "run"
    assert Call(("volume", "rm", "x")).subcommand == "volume rm"
    assert not Call(("--version",)).subcommand
