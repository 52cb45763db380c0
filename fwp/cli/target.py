"""RULE on the command line: a name in `fwp.rules.ALL`, `module:attr` or `path/to/file.py:attr`; TARGET may be a whole module.

A file or module is the user's code and is executed. It is found by its path; what lies beside it can be imported by it, but
comes last on python's path, so that nothing there takes the place of a module that is installed.
"""

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from hashlib import sha256
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
    found = _rules_in(module)
    if not found:
        raise _no_rules(target, module)
    return tuple(value if value.name else value.renamed(name) for name, value in found.items())


def _rules_in(module: ModuleType) -> dict[str, Rule | System]:
    """The module's own rules, each once, by the first attribute that it is."""
    ours = module.__name__.partition(".")[0] == "fwp"
    known = [] if ours else list(ALL.values())
    found: dict[str, Rule | System] = {}
    for name, value in vars(module).items():
        if isinstance(value, Rule | System) and not any(value is other for other in (*known, *found.values())):
            found[name] = value
    return found


def _no_rules(target: str, module: ModuleType) -> FwpError:
    return FwpError(
        f"{target} has no rules of its own",
        ("rules of this library in it", str(sum(isinstance(v, Rule | System) for v in vars(module).values()))),
        help="declare one in it: mine = Rule(…) or System(…)",
    )


def find(target: str) -> Rule | System:
    """The rule; one without a name gets that of its attribute. Of a file without an attribute it is the only one.

    Raises:
        FwpError: there is no such rule, file, module or attribute, it is no rule, or the file has several.
        ImportFailed: the user's module raised something.
    """
    place, colon, attribute = target.rpartition(":")
    if not colon and target.endswith(".py"):
        module = _import(target)
        first, *others = _rules_in(module) or [""]
        if others:
            names = ", ".join((first, *others))
            raise FwpError(
                f"{target} has several rules", ("its rules", names), help=f"say which, as in {target}:{first}"
            )
        if not first:
            raise _no_rules(target, module)
        place, attribute = target, first
    elif not colon:
        return rule_by_name(target)
    else:
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
    """The user's module or file."""
    is_file = place.endswith(".py")
    if not place:
        help = "RULE is a name, module:name or path/to/file.py:name"
        raise FwpError("there is nothing before the colon", ("module", "''"), help=help)
    if not is_file and ("/" in place or not all(place.split("."))):
        raise FwpError("there is no such module", ("module", place), help="a file is path/to/file.py")
    file = Path(place)
    if is_file and not file.is_file():
        raise FwpError(
            "there is no such file",
            ("file", str(_absolute(file))),
            help="give path/to/file.py, or path/to/file.py:name",
        )
    folder, package = _package(file.resolve()) if is_file else (_absolute(Path()), ())
    if package:
        _refuse_shadowed(folder, package[0], file)
    try:
        if is_file and not package:
            return _load(file.resolve())
        _last_on_path(folder)
        return importlib.import_module(".".join(package) or place)
    except ModuleNotFoundError as error:
        if not is_file and error.name and (place == error.name or place.startswith(f"{error.name}.")):
            raise FwpError(
                "there is no such module", ("module", place), help="RULE is a name, module:name or path/to/file.py:name"
            ) from None
        raise ImportFailed from error
    except (Exception, SystemExit) as error:  # whatever the user's file raises is theirs to read
        raise ImportFailed from error


def _absolute(file: Path) -> Path:
    """From the root on, unless the current folder has been removed."""
    try:
        return file.absolute()
    except OSError:
        return file


def _package(file: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder that a file is imported from, and its dotted name there if it is part of a package."""
    folder, parents = file.parent, ()
    while (folder / "__init__.py").exists():
        folder, parents = folder.parent, (folder.name, *parents)
    name = (*parents, file.stem) if parents else ()
    return folder, parents if file.name == "__init__.py" else name


def _refuse_shadowed(folder: Path, package: str, file: Path) -> None:
    """A package that has the name of an installed module would be passed over for it."""
    _last_on_path(folder)
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # what has that name says nothing of where it is from
        found = None
    if found is None or found.origin is None or not Path(found.origin).is_relative_to(folder / package):
        raise FwpError(
            "the file is part of a package that has the name of another module",
            ("file", str(file)),
            (package, "unknown" if found is None else str(found.origin)),
            help=f"give the folder {package} another name, or move the file out of it",
        )


def _load(file: Path) -> ModuleType:
    """A file by its path alone, under a name of its own even if another file is called the same."""
    _beside(file.parent)
    name = f"{_PREFIX}{file.stem}_{sha256(os.fsencode(file)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # the name ends in .py
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_PREFIX = "_fwp_"
"""Of the names of files as modules."""


def _last_on_path(folder: Path) -> None:
    if folder.is_absolute() and str(folder) not in sys.path:
        sys.path.append(str(folder))


def _beside(folder: Path) -> None:
    """Let a file import its neighbours: last on the path, but before those of files that were loaded earlier.

    Of two files with neighbours of the same name each has its own.
    """
    files = (getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith(_PREFIX))
    others = {str(Path(each).parent) for each in files if each} - {str(folder)}
    for name, module in list(sys.modules.items()):
        own = getattr(module, "__file__", None)
        if own and str(Path(own).parent) in others and (folder / f"{name}.py").exists():
            del sys.modules[name]
    first = next((place for place, each in enumerate(sys.path) if each in others), len(sys.path))
    if str(folder) in sys.path[first:]:
        sys.path.remove(str(folder))
    if str(folder) not in sys.path:
        sys.path.insert(first, str(folder))


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
