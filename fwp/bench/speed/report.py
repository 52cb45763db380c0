"""Results as text for people: tables, and what follows from them in a sentence each. Programs read the json."""

from rich.box import SIMPLE
from rich.table import Table

from fwp.bench.speed.contenders import CONTENDERS
from fwp.bench.speed.measure import Measured
from fwp.bench.speed.results import Result, Timed, growth

__all__ = ["gradient_table", "sentences", "speed_table", "who"]


def speed_table(timed: Timed) -> Table:
    """One row a contender: seconds of a training step, and how many times as long as ours it takes."""
    made = Table(title=f"{timed.workload}: {timed.about}", title_justify="left", box=SIMPLE)
    made.add_column("training step by", no_wrap=True)
    for name in ("forward s", "backward s", "first s", "× ours (least–most)", "rounds", "peak MB"):
        made.add_column(name, justify="right", no_wrap=True)
    for own in timed.contenders:
        made.add_row(own.contender, *_cells(timed, own))
    return made


def gradient_table(result: Result) -> Table:
    """One row a length and contender: the slow net's gradient against rk4's own in float64."""
    title = "gradients of keys, values and rates in float32 against those of rk4's own steps in float64 (1 and 1 are the same)"
    made = Table(title=title, title_justify="left", box=SIMPLE)
    for name in ("windows", "gradient by", "cosine", "norm ratio", "seconds", "peak MB"):
        made.add_column(name, justify="left" if name == "gradient by" else "right", no_wrap=name == "gradient by")
    for own in result.gradients:
        numbers = (_number(own.cosine, ".4f"), _number(own.ratio, ".3g"), _number(own.seconds, ".3g"), _mega(own.peak))
        made.add_row(f"{own.windows:,}", own.contender, *numbers)
    return made


def sentences(result: Result) -> list[str]:
    """Bars and whether they are met, who is missing and why, and how far ours is from the machine's limit."""
    lines = [line for timed in result.timed for line in (*_bars(timed), *_missing(timed), _limit(result, timed))]
    lines += [f"{g.contender} is missing at {g.windows:,} windows: {g.absent}" for g in result.gradients if g.absent]
    power = growth(result) if result.what.endswith("length") else None
    return lines if power is None else [*lines, f"ours grows as the length to the power {power:.2f} (1 is linear)"]


def who(result: Result) -> list[str]:
    """What each contender is."""
    names = [c.contender for t in result.timed for c in t.contenders] + [g.contender for g in result.gradients]
    return [f"{name}: {CONTENDERS[name].about}" for name in dict.fromkeys(names)]


def _bars(timed: Timed) -> list[str]:
    lines: list[str] = []
    for bar, spread, met in timed.judged():
        found = "not measured" if spread is None else f"{spread.middle:.2f}, {'met' if met else 'NOT met'}"
        lines.append(f"{timed.workload}: {bar.contender} takes {bar}: {found}")
    return lines


def _missing(timed: Timed) -> list[str]:
    return [f"{timed.workload}: {c.contender} is missing: {c.absent}" for c in timed.contenders if c.absent]


def _limit(result: Result, timed: Timed) -> str:
    speed = result.limits.gigaflops
    floor = timed.flops / speed / 1e9
    line = f"{timed.workload}: the slow net's products, each window once, are {timed.flops / 1e9:.3g} GFLOP: "
    line += f"{floor:.3g} s at this machine's {speed:.3g} GFLOP/s"
    ours = timed["ours"]
    return line if ours.absent else f"{line}; ours takes {ours.medians()['step'] / floor:.3g} times as long"


def _cells(timed: Timed, own: Measured) -> tuple[str, ...]:
    if own.absent:
        return ("–", "–", "–", "–", "0", "–")
    medians, spread = own.medians(), timed.ratio(own.contender)
    times = "–" if spread is None else f"{spread.middle:.2f} ({spread.least:.2f}–{spread.most:.2f})"
    seconds = [_number(value, ".3g") for value in (medians["forward"], medians["backward"], own.first)]
    return (*seconds, times, str(len(own.seconds)), _mega(own.peak))


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _mega(count: int | None) -> str:
    return "–" if count is None else f"{count / 1e6:,.0f}"
