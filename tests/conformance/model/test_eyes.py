"""The suite's own eyes on a sequence: what must be there, what must not, what is others'."""

from conformance.model.eyes import Eyes, Look, Sight
from conformance.model.state import State, Workspace
from conformance.world.observe import EngineState

UP, DOWN = ("1", "running"), ("1", "exited")
RUNNING, READY = Workspace("running"), Workspace("ready")
NOTHING = State()


def look(*volumes: str, **containers: tuple[str, str]) -> Look:
    """A look at containers, by their names without the prefix, and volumes."""
    named = {f"model-{name}": one for name, one in containers.items()}
    return Look({}, EngineState(named, frozenset(volumes)))


def seen(eyes: Eyes, before: State, after: State, there: Look) -> list[str]:
    """What is not as it must be."""
    return [sight.expected for sight in eyes.compare(before, after, there)]


def test_containers_are_there_and_in_their_state() -> None:
    one = State({"a": RUNNING})
    assert seen(Eyes("container"), NOTHING, one, look(a=UP)) == []
    assert seen(Eyes("container"), NOTHING, one, look(a=DOWN)) == ["container model-a is running"]
    assert seen(Eyes("container"), NOTHING, one, look()) == ["container model-a is there"]
    assert seen(Eyes("container"), one, NOTHING, look(a=UP)) == ["container model-a is not there"]


def test_what_a_killed_create_leaves_may_be_there_or_not() -> None:
    dead = State(limbo=frozenset({"a"}))
    assert seen(Eyes("container"), NOTHING, dead, look()) == []
    assert seen(Eyes("container"), NOTHING, dead, look("v", a=UP)) == []


def test_volumes_go_with_the_workspace_that_they_came_with() -> None:
    eyes, one = Eyes("container"), State({"a": RUNNING})
    both = State({"a": RUNNING, "b": RUNNING})
    assert seen(eyes, NOTHING, one, look("x", a=UP)) == []
    assert seen(eyes, one, both, look("x", "y", a=UP, b=UP)) == []
    # However they are called, y is b's.
    assert seen(eyes, both, one, look("x", "y", a=UP)) == ["volume y is not there"]
    assert seen(eyes, one, one, look(a=UP)) == ["volume x is there"]


def test_kept_volumes_stay() -> None:
    eyes, one = Eyes("container"), State({"a": RUNNING})
    assert seen(eyes, NOTHING, one, look("x", a=UP)) == []
    kept = one.without(["a"], keep=True)
    assert seen(eyes, one, kept, look("x")) == []
    assert seen(eyes, kept, kept, look()) == ["volume x is there"]


def test_what_others_have_made_stays_the_same() -> None:
    eyes, others = Eyes("container"), State(foreign=frozenset({"a"}))
    assert seen(eyes, NOTHING, others, look(a=UP)) == []
    touched = ["foreign container model-a is not touched"]
    assert seen(eyes, others, others, look(a=DOWN)) == touched
    assert seen(eyes, others, others, look(a=("2", "running"))) == touched
    # Away and there again it is another one.
    assert seen(eyes, others, NOTHING, look()) == []
    assert seen(eyes, NOTHING, others, look(a=("2", "running"))) == []


def test_folders_of_the_host() -> None:
    eyes, one = Eyes("host"), State({"a": READY}, foreign=frozenset({"b"}))

    def told(**folders: tuple[str, ...]) -> list[Sight]:
        return list(eyes.compare(one, one, Look(folders, EngineState())))

    assert told(a=(), b=("work",)) == []
    (missing,) = told(b=("work",))
    assert missing.test == "[ -d ws/a ]"
    (touched,) = told(a=(), b=("opt", "work"))
    assert touched.test == '[ "$(ls -A ws/b)" = "work" ]'
    (new,) = told(a=(), b=("work",), c=())
    assert new.test == "[ ! -e ws/c ]"


def test_what_is_open_is_decided_by_what_is_seen() -> None:
    open_ = State({"a": Workspace(None), "b": Workspace(None)})
    settled = Eyes("container").settle(open_, look(a=UP, b=DOWN))
    assert (settled.life("a"), settled.life("b")) == ("running", "stopped")
