"""The cells of the paper's tables, and of an ablation, as values: which model on which task, and what the paper found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType

from fwp.bench.paper import PUBLISHED
from fwp.bench.pipeline import Run
from fwp.bench.task import TASKS, Task
from fwp.controls import Control, linear, log_signature, natural_cubic
from fwp.errors import FwpError, did_you_mean
from fwp.fields import (
    Model,
    Projection,
    direct,
    from_features,
    gru_ode_wiring,
    increments_only,
    keys_from_increments,
    keys_from_signal,
    ncde_wiring,
    nrde_wiring,
    suited,
)
from fwp.models import Recurrent
from fwp.rules import Rule, delta, gru_ode, hebb, ncde, neural_cde, nrde, oja, tanh_delta
from fwp.training.recipe import Plateau, Recipe

__all__ = ["ABLATION", "TABLE1", "TABLE2", "TABLES", "Cell", "chosen"]


@dataclass(frozen=True)
class Cell:
    """One cell: "sepsis/no-oi/delta-cde" is its name, `paper` what the paper found, in per cent with its deviation."""

    name: str
    column: str
    label: str
    task: Task
    model: Model | Recurrent
    recipe: Recipe
    sizes: Mapping[str, int] = field(default_factory=dict)
    paper: str | None = None

    def run(self, seed: int, epochs: int | None = None) -> Run:
        """Its run with this seed; with at most so many epochs, as whole evaluations, if not with the recipe's own number."""
        recipe = self.recipe
        if epochs is not None and epochs < recipe.epochs:
            every = max(1, min(epochs, recipe.evaluate_every))
            epochs -= epochs % every
            recipe = replace(recipe, name=f"{recipe.name}, {epochs} epochs", evaluate_every=every, epochs=epochs)
        return Run(self.task, self.model, recipe, seed, self.sizes)


@dataclass(frozen=True)
class Column:
    """A task as a column of a table: the first part of its cells' names, its heading, and the paper's numbers by row."""

    name: str
    heading: str
    task: Task
    paper: Mapping[str, str] = field(default_factory=dict)
    published: str = ""
    """Which of the published models has this task or one like it."""

    def cell(
        self,
        row: str,
        label: str,
        model: Model | Recurrent,
        recipe: Recipe | None = None,
        **sizes: int,
    ) -> Cell:
        """The cell of one row."""
        own = self.task.recipe if recipe is None else recipe
        return Cell(f"{self.name}/{row}", self.heading, label, self.task, model, own, sizes, self.paper.get(row))

    def fed(self, rule: Rule, projection: Projection, control: Control = linear) -> Model:
        """The model, its states begun at the task's static features where it has some."""
        own = suited(projection, rule)
        return rule @ (from_features(own, rule) if self.task.source.features else own) @ control


def _rows_of_table1(column: Column) -> tuple[Cell, ...]:
    recipe, published = column.task.recipe, column.task.published
    assert published is not None
    plain = replace(recipe, dropout=0.0, hidden=0)
    solved = replace(plain, method="rk4")
    rules = {"hebb": hebb, "oja": oja, "delta": delta}
    wirings = {"hebb": keys_from_signal, "oja": keys_from_signal, "delta": keys_from_increments}
    return (
        *(
            column.cell(f"{name}-node", f"{name.title()}, direct NODE", column.fed(rule, direct()))
            for name, rule in rules.items()
        ),
        *(
            column.cell(f"{name}-cde", f"{name.title()}, CDE", column.fed(rule, wirings[name]()))
            for name, rule in rules.items()
        ),
        column.cell(
            "deltanet",
            "DeltaNet (discrete: Delta by Euler steps)",
            column.fed(delta, direct()),
            replace(recipe, method="euler"),
        ),
        column.cell(
            "ncde",
            "NCDE",
            column.fed(neural_cde(4), ncde_wiring(4)),
            replace(solved, width=49, heads=1),
            inner=49,
        ),
        column.cell("gru-ode", "GRU-ODE", column.fed(gru_ode, gru_ode_wiring()), replace(solved, heads=1)),
        *(
            column.cell(own.name, label, own, plain)
            for own, label in (
                (Recurrent("ode-rnn"), "ODE-RNN"),
                (Recurrent("gru-dt"), "GRU-Δt"),
                (Recurrent("gru-d"), "GRU-D"),
                (Recurrent("gru"), "GRU"),
            )
        ),
        column.cell("delta-cde-published", "Delta, CDE, as published", PUBLISHED[column.published].model, published),
    )


_SPEECH = {
    "gru-ode": "47.9 (2.9)",
    "hebb-node": "82.8 (1.1)",
    "oja-node": "85.4 (0.9)",
    "delta-node": "81.5 (3.8)",
    "ncde": "89.8 (2.5)",
    "hebb-cde": "89.5 (0.3)",
    "oja-cde": "90.0 (0.7)",
    "delta-cde": "90.2 (0.2)",
    "delta-cde-published": "90.2 (0.2)",
}
_OI = {
    "gru-ode": "85.2 (1.0)",
    "hebb-node": "90.4 (0.4)",
    "oja-node": "88.9 (1.4)",
    "delta-node": "89.8 (1.0)",
    "ncde": "88.0 (0.6)",
    "hebb-cde": "89.9 (0.6)",
    "oja-cde": "91.2 (0.4)",
    "delta-cde": "90.9 (0.2)",
    "delta-cde-published": "90.9 (0.2)",
}
_NO_OI = {
    "gru-ode": "77.1 (2.4)",
    "gru-d": "85.0 (1.3)",
    "hebb-node": "82.9 (0.7)",
    "oja-node": "82.9 (0.5)",
    "delta-node": "84.5 (2.9)",
    "ncde": "77.6 (0.9)",
    "hebb-cde": "85.7 (0.3)",
    "oja-cde": "85.1 (2.5)",
    "delta-cde": "84.5 (0.7)",
    "delta-cde-published": "84.5 (0.7)",
}
NO_OI = Column("sepsis/no-oi", "Sepsis, no OI (AUC)", TASKS["sepsis"], _NO_OI, "sepsis/no-oi/delta-cde")
TABLE1 = tuple(
    chain.from_iterable(
        map(
            _rows_of_table1,
            (
                NO_OI,
                Column("sepsis/oi", "Sepsis, OI (AUC)", TASKS["sepsis-oi"], _OI, "sepsis/oi/delta-cde"),
                Column(
                    "arabic-speech", "Arabic Speech Commands (accuracy)", TASKS["arabic-speech"], {}, "speech/delta-cde"
                ),
                Column("speech", "Speech Commands (accuracy)", TASKS["speech"], _SPEECH, "speech/delta-cde"),
            ),
        )
    )
)
"""The paper's table 1, and the baselines that its code has besides."""


def _rows_of_table2(column: Column) -> tuple[Cell, ...]:
    recipe, published = column.task.recipe, column.task.published
    assert published is not None
    plain = replace(recipe, dropout=0.0, hidden=0, heads=1, width=32, memory=0.0, method="rk4")
    rules = {"hebb": ("Hebb", hebb), "oja": ("Oja", oja), "delta": ("Delta (tanh of the error)", tanh_delta)}
    return (
        *(
            column.cell(
                f"depth-{depth}/{name}",
                f"{label}, log-signature depth {depth}",
                column.fed(rule, direct(squash=name != "delta"), log_signature(depth, 4)),
            )
            for depth in (1, 2)
            for name, (label, rule) in rules.items()
        ),
        column.cell("ncde", "NCDE", column.fed(ncde, ncde_wiring(), log_signature(1, 4)), plain, inner=64),
        column.cell("nrde", "NRDE, depth 2", column.fed(nrde, nrde_wiring(), log_signature(2, 4)), plain, inner=64),
        column.cell(
            "depth-1/delta-published",
            "Delta (tanh of the error), log-signature depth 1, as published",
            PUBLISHED["eigenworms/depth-1/delta"].model,
            published,
        ),
    )


_EIGENWORMS = {
    "depth-1/hebb": "41.0 (6.5)",
    "depth-1/oja": "49.7 (9.9)",
    "depth-1/delta": "91.8 (3.4)",
    "depth-1/delta-published": "91.8 (3.4)",
    "depth-2/hebb": "45.6 (5.9)",
    "depth-2/oja": "46.7 (7.5)",
    "depth-2/delta": "87.7 (1.9)",
    "ncde": "66.7 (11.8)",
    "nrde": "83.8 (3.0)",
}
TABLE2 = tuple(
    chain.from_iterable(
        map(
            _rows_of_table2,
            (
                Column("worms", "Worms (accuracy)", TASKS["worms"]),
                Column("eigenworms", "EigenWorms, the paper's split (accuracy)", TASKS["eigenworms"], _EIGENWORMS),
                Column("eigenworms-unique", "EigenWorms, without duplicates (accuracy)", TASKS["eigenworms-unique"]),
            ),
        )
    )
)
"""The paper's table 2, on EigenWorms by both protocols and on Worms, which has one of its six channels."""


def _ablation() -> tuple[Cell, ...]:
    """One change at a time to Delta as a CDE on Sepsis without intensity."""
    recipe, published = NO_OI.task.recipe, NO_OI.task.published
    assert published is not None
    column = Column("ablation", NO_OI.heading, NO_OI.task)
    model = column.fed(delta, keys_from_increments())
    solved = replace(recipe, method="rk4")
    sources = (
        ("k-x-v-x", "keys x, values x", direct()),
        ("k-x-v-dx", "keys x, values x'", keys_from_signal()),
        ("k-dx-v-dx", "keys x', values x'", increments_only()),
        ("value-norm", "value norm", keys_from_increments(value_norm=True)),
    )
    changes = (
        ("query", "query where the longest series ends", replace(recipe, query="batch")),
        ("standardise", "values as in the data, not standardised", replace(recipe, standardise=False)),
        ("time", "time as in the data", replace(recipe, time="raw")),
        ("select", "best epoch by accuracy", replace(recipe, select="accuracy")),
        ("drop-last", "last batch dropped", replace(recipe, drop_last=True)),
        ("penalty", "the published penalty on norms", replace(recipe, penalty=published.penalty)),
        ("dropout", "no dropout", replace(recipe, dropout=0.0)),
        ("decay", "no weight decay", replace(recipe, weight_decay=0.0)),
        ("clip", "no clipping", replace(recipe, clip=0.0)),
        (
            "optimiser",
            "the published optimiser: Adam, plateaus, batch 1,024",
            replace(
                recipe,
                schedule=Plateau("train_loss", 2),
                learning_rate=published.learning_rate,
                batch=1024,
                weight_decay=0.0,
                clip=0.0,
            ),
        ),
        ("positive", "positives not weighted", replace(recipe, class_weights="equal")),
        ("rk4", "Runge-Kutta 4, exact gradient", solved),
        ("adjoint", "Runge-Kutta 4, continuous adjoint", replace(solved, gradient="adjoint")),
    )
    exact = replace(published, name="published-exact", method="magnus4", gradient="exact")
    as_run = PUBLISHED[NO_OI.published].model
    return (
        column.cell("none", "keys x', values x, as in table 1", model),
        *(column.cell(row, label, column.fed(delta, projection)) for row, label, projection in sources),
        column.cell("tanh-after", "tanh after the error", column.fed(tanh_delta, keys_from_increments(squash=False))),
        column.cell("natural-cubic", "natural cubic control", column.fed(delta, keys_from_increments(), natural_cubic)),
        *(column.cell(row, label, model, replace(own, name=f"{own.name}, changed")) for row, label, own in changes),
        column.cell("published-exact", "published recipe and model, exact gradient of Magnus 4", as_run, exact),
        column.cell(
            "published-own-query",
            "the same, queries at own ends",
            as_run,
            replace(exact, query="own", name="published-exact, changed"),
        ),
        column.cell(
            "published-own-query-scaled",
            "the same, time from -1 to 1",
            as_run,
            replace(exact, query="own", time="scaled", name="published-exact, changed"),
        ),
    )


ABLATION = _ablation()
"""What explains the distance to the paper's numbers."""

TABLES: Mapping[str, tuple[Cell, ...]] = MappingProxyType({"table1": TABLE1, "table2": TABLE2, "ablation": ABLATION})


def chosen(cells: Sequence[Cell], names: Sequence[str]) -> list[Cell]:
    """The cells of these names; the first parts of a name stand for all cells that begin so.

    Raises:
        FwpError: a name that none has.
    """
    for name in names:
        if not any(_below(cell, name) for cell in cells):
            known = sorted({"/".join(cell.name.split("/")[:i]) for cell in cells for i in (1, 2, 3)})
            raise FwpError(
                "no cell of the table has this name",
                ("name", repr(name)),
                ("cells", ", ".join(dict.fromkeys(cell.name.rpartition("/")[0] + "/…" for cell in cells))),
                help=did_you_mean(name, known, f"one is {cells[0].name}"),
            )
    return [cell for cell in cells if any(_below(cell, name) for name in names)]


def _below(cell: Cell, name: str) -> bool:
    parts = name.strip("/").split("/")
    return cell.name.split("/")[: len(parts)] == parts
