"""How far the cases reach into the contract, in numbers: requirements from both sides, and options.

A requirement is reached from both sides where something shows that what it asks for is done (a
positive case, or the control of a negative one), and another case that what it forbids is refused.
An option is reached in a runtime where a cell there calls its command with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from conformance.catalogue.binding import bind
from conformance.catalogue.expansion import expand
from conformance.catalogue.template import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from conformance.catalogue.case import Cell, Suite
    from conformance.catalogue.contract import Contract, Option
    from conformance.catalogue.step import Given, Step

__all__ = ["Reach", "reach_of"]

_ANYTHING = dict.fromkeys(VARIABLES, "/anything")
_EVERYWHERE = "*"


@frozen
class Reach:
    """What is reached.

    ``sides``: of each tested requirement the polarities that it is seen from. ``options``: of each
    option, ``rm --force`` (a global one: ``* --json``), the number of cells by runtime.
    """

    sides: Mapping[str, frozenset[str]]
    options: Mapping[str, Mapping[str, int]]

    @property
    def both(self) -> tuple[str, ...]:
        """The requirements that are reached from both sides."""
        return tuple(id_ for id_, sides in self.sides.items() if len(sides) > 1)

    @property
    def one_sided(self) -> tuple[tuple[str, str], ...]:
        """The requirements that are not, each with the polarity that is missing."""
        return tuple(
            (id_, polarity)
            for id_, sides in self.sides.items()
            for polarity in ("positive", "negative")
            if polarity not in sides
        )

    @property
    def unreached(self) -> tuple[tuple[str, str], ...]:
        """The options that no cell of a runtime uses, with that runtime."""
        return tuple(
            (option, runtime)
            for option, counts in self.options.items()
            for runtime, count in counts.items()
            if not count
        )


def reach_of(suite: Suite) -> Reach:
    """Return what the cells of ``suite`` reach."""
    contract = suite.contract
    sides: dict[str, set[str]] = {id_: set() for id_ in contract.tested}
    spellings = _spellings(contract)
    options = {
        option: dict.fromkeys(contract.runtimes, 0)
        for option in dict.fromkeys(name for names in spellings.values() for name in names.values())
    }
    for cell in expand(suite):
        for id_ in cell.case.covers:
            sides[id_].add(cell.case.polarity)
            if cell.case.control:
                sides[id_].add("positive")
        for option in _used(cell, spellings, contract):
            options[option][cell.runtime] += 1
    return Reach({id_: frozenset(found) for id_, found in sides.items()}, options)


def _spellings(contract: Contract) -> dict[str, dict[str, str]]:
    """Return for each command what its options may be called, with what they are called here."""
    shared = dict(_names(_EVERYWHERE, contract.global_options))
    own = {
        command.id: dict(_names(command.id, command.options))
        for command in contract.commands.values()
    }
    return {_EVERYWHERE: shared, **own}


def _names(command: str, options: Sequence[Option]) -> Iterator[tuple[str, str]]:
    for option in options:
        for name in (option.name, option.short, *option.aliases):
            if name:
                yield name, f"{command} {option.name}"


def _used(
    cell: Cell, spellings: Mapping[str, Mapping[str, str]], contract: Contract
) -> frozenset[str]:
    bound = bind(cell, _ANYTHING)
    found: set[str] = set()
    for words in [*map(_words, bound.given), *map(_words, bound.steps)]:
        if words[:1] != ("awl",):
            continue
        command = contract.subcommand(words[1:])
        known = {**spellings[_EVERYWHERE], **spellings.get(command or "", {})}
        found |= {known[word] for word in _own(words, command) if word in known}
    if cell.output == "json":
        found.add(f"{_EVERYWHERE} --json")
    if cell.via.startswith("flag"):
        found.add(f"{_EVERYWHERE} --runtime")
    return frozenset(found)


def _words(part: Given | Step) -> tuple[str, ...]:
    if hasattr(part, "argv"):
        return part.argv
    args = getattr(part, "args", None)
    return ("awl", "create", *args, "--name") if args is not None else ()


def _own(words: Sequence[str], command: str | None) -> Iterator[str]:
    """Yield the launcher's own words, without the values that stand behind an ``=``."""
    past = False
    for word in words[1:]:
        if word == "--":
            return
        if command == "exec" and past and not word.startswith("-"):
            return  # the workspace, or a value before it: what follows may be the command's
        past = past or word == command
        yield word.partition("=")[0]
