"""RULE on the command line: a name in `fwp.rules.ALL`, `module:attr` or `path/to/file.py:attr`; TARGET may be a whole module."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TypeVar

from fwp.errors import FwpError
from fwp.rules import ALL, Rule, System
from fwp.rules import by_name as rule_by_name

__all__ = ["ImportFailed", "find", "find_all", "resolve", "resolve_all", "show_failure"]

Found = TypeVar("Found")


class ImportFailed(Exception):
    """What the user's own module raised while it was imported is its cause."""


def resolve(target: str) -> Rule | System:
    """What `find` finds, or the end of the command.

    An error raised by the user's own file while it is imported is shown with the traceback into that file.

    Raises:
        FwpError: as of `find`.
    """
    return _or_end(find, target)


def resolve_all(target: str) -> tuple[Rule | System, ...]:
    """What `find_all` finds, or the end of the command, as of `resolve`.

    Raises:
        FwpError: as of `find_all`.
    """
    return _or_end(find_all, target)


def _or_end(find: Callable[[str], Found], target: str) -> Found:
    try:
        return find(target)
    except ImportFailed as failed:
        show_failure(failed)
    raise SystemExit(1)


def find_all(target: str) -> tuple[Rule | System, ...]:
    """The rule, or every rule of a module or file that is given without an attribute, each under one name.

    What a module of the user's has from this library, such as an imported `delta`, is not its own.

    Raises:
        FwpError: there is no such rule, file or module, or it has no rule.
        ImportFailed: the user's module raised something.
    """
    if ":" in target or target in ALL:
        return (find(target),)
    try:
        module = _import(target)
    except FwpError:
        if target.endswith(".py") or "." in target:
            raise
        return (rule_by_name(target),)  # which says that there is no such name
    ours = module.__name__.partition(".")[0] == "fwp"
    theirs = () if ours else tuple(ALL.values())
    found: list[tuple[str, Rule | System]] = []
    for name, value in vars(module).items():
        if isinstance(value, Rule | System) and not any(value is other for other in (*theirs, *(v for _, v in found))):
            found.append((name, value))
    if not found:
        raise FwpError(
            f"{target} has no rules of its own",
            ("rules of this library in it", str(sum(isinstance(v, Rule | System) for v in vars(module).values()))),
            help="declare one in it: mine = Rule(…) or System(…)",
        )
    return tuple(value if value.name else value.renamed(name) for name, value in found)


def find(target: str) -> Rule | System:
    """The rule; one without a name gets that of its attribute. Of a file without an attribute it is the only one.

    Raises:
        FwpError: there is no such rule, file, module or attribute, it is no rule, or the file has several.
        ImportFailed: the user's module raised something.
    """
    place, colon, attribute = target.rpartition(":")
    if not colon and target.endswith(".py"):
        only, *others = find_all(target)
        if others:
            names = ", ".join(str(rule.name) for rule in (only, *others))
            raise FwpError(
                f"{target} has several rules", ("its rules", names), help=f"say which, as in {target}:{only.name}"
            )
        return only
    if not colon:
        return rule_by_name(target)
    module = _import(place)
    try:
        found = getattr(module, attribute)
    except AttributeError:
        rules = [name for name, value in vars(module).items() if isinstance(value, Rule | System)]
        raise FwpError(
            f"{place} has no `{attribute}`",
            ("its rules", ", ".join(rules) or "none"),
            help=f"write {place}:{rules[0]}" if rules else f"declare one in it: {attribute} = Rule(…)",
        ) from None
    if not isinstance(found, Rule | System):
        raise FwpError(
            f"`{attribute}` in {place} is no rule",
            ("found", f"{type(found).__name__} {found!r}"[:200]),
            help=f"{attribute} = Rule(…) or System(…)",
        )
    return found if found.name else found.renamed(attribute)


def _import(place: str) -> ModuleType:
    """The user's module or file, with its folder (or the current one) on the path as python itself would put it."""
    file = Path(place)
    is_file = place.endswith(".py")
    if place.startswith(".") and not is_file:
        raise FwpError("there is no such module", ("module", place), help="a file is path/to/file.py")
    if is_file and not file.is_file():
        raise FwpError(
            "there is no such file",
            ("file", str(file.absolute())),
            help="give path/to/file.py, or path/to/file.py:name",
        )
    folder = file.resolve().parent if is_file else Path.cwd()
    package: list[str] = []
    while is_file and (folder / "__init__.py").exists():  # what is in a package is imported as its part
        folder, package = folder.parent, [folder.name, *package]
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        if is_file and not package:
            return _load(file)
        return importlib.import_module(".".join((*package, file.stem)) if is_file else place)
    except ModuleNotFoundError as error:
        if not is_file and error.name and (place == error.name or place.startswith(f"{error.name}.")):
            raise FwpError(
                "there is no such module", ("module", place), help="RULE is a name, module:name or path/to/file.py:name"
            ) from None
        raise ImportFailed from error
    except (Exception, SystemExit) as error:  # whatever the user's file raises is theirs to read
        raise ImportFailed from error


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_fwp_{file.stem}", file)
    assert spec is not None and spec.loader is not None  # the name ends in .py
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def show_failure(failed: ImportFailed) -> None:
    """The traceback from the user's code on: what comes before is this file, and python's way to import."""
    error = failed.__cause__
    assert error is not None
    frames = error.__traceback__
    while frames is not None and not _importing(frames):
        frames = frames.tb_next
    while frames is not None and _importing(frames):
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames)


def _importing(frames: TracebackType) -> bool:
    return frames.tb_frame.f_code.co_filename.startswith("<frozen importlib")
