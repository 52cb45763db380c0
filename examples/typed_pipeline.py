"""A pipeline as typed values, run on real data: ten epochs on 40 recordings of a wrist in motion (BasicMotions, part of aeon).

Task, model and recipe are values of different types, and a `Run` is made of them. What does not fit is refused before anything is
loaded: by the library, with a reason, and where it is a matter of types by pyright, which the comments below keep silent.

    python examples/typed_pipeline.py
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fwp import Control, FwpError, Model, Projection
from fwp.bench import Recipe, Report, Run, Task, run, task
from fwp.controls import hermite
from fwp.fields import linear, start, static
from fwp.rules import delta, dx

motions: Task = task("basic-motions")
project: Projection = Projection(default=dx)
control: Control = hermite
model: Model = delta @ project @ control
recipe: Recipe = replace(motions.recipe, width=32, heads=4, epochs=10, learning_rate=0.01)
right: Run = Run(motions, model, recipe, seed=0)

age: Projection = Projection(initial=start(W=linear("feature -> head value key", static)))
WRONG: dict[str, Callable[[], object]] = {
    "control @ project": lambda: control @ project,  # pyright: ignore[reportOperatorIssue]
    "replace(recipe, epochs=0)": lambda: replace(recipe, epochs=0),
    "Run(motions, delta @ age @ control, recipe)": lambda: Run(motions, delta @ age @ control, recipe),
}
if TYPE_CHECKING:
    Run("basic-motions", model, recipe)  # pyright: ignore[reportArgumentType]
    Run(motions, delta @ project, recipe)  # pyright: ignore[reportArgumentType]


def main() -> None:
    """Print how wrong pipelines are refused, and the result of the right one."""
    for text, make in WRONG.items():
        try:
            make()
        except FwpError as refused:
            print(f">>> {text}\n{refused}\n")
    with TemporaryDirectory() as folder:
        report: Report = run(right, Path(folder) / "motions", device="cpu")
    found = report.to_json()
    print({name: found[name] for name in ("task", "rule", "control", "split", "parameters", "test")})


if __name__ == "__main__":
    main()
