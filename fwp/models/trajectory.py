"""A state over time as a labelled array, and its export: numpy, xarray, a file."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float64

from fwp.errors import FwpError, did_you_mean
from fwp.fields.net import LayerNet
from fwp.files import write_bytes
from fwp.kinds import explained
from fwp.solvers import Solution

if TYPE_CHECKING:
    import xarray  # pyright: ignore[reportMissingImports]  # an extra

__all__ = ["Trajectory", "trajectory"]


@explained
@dataclass(frozen=True, eq=False)
class Trajectory:
    """One state of one sample: `values` with an axis for each name in `dims`, `(time head *axes)`.

    `times` are the sample's own. Along the other axes an entry's label is its place. `trajectory` makes it from a solution;
    selection by label is xarray's: `trajectory(solution).to_xarray().sel(head=0, time=3.5, method="nearest")`.

    Raises:
        FwpError: names or times that do not fit the values.
    """

    name: str
    values: Float[np.ndarray, "..."]
    dims: tuple[str, ...]
    times: Float64[np.ndarray, "time"]

    def __post_init__(self) -> None:
        if self.dims[:1] != ("time",) or len(self.dims) != self.values.ndim or len(self.times) != len(self.values):
            raise FwpError(
                "the labels do not fit the values",
                ("values", str(self.values.shape)),
                ("dims", " ".join(self.dims)),
                ("times", str(len(self.times))),
                help="name every axis, the time first, and give a time for every entry along it",
            )

    def norms(self) -> "Trajectory":
        """The Euclidean norm of the state in each head: `(time head)`. Of a matrix it is Frobenius'."""
        flat = self.values.reshape(*self.values.shape[:2], -1)
        return Trajectory(f"norm of {self.name}", np.linalg.norm(flat, axis=-1), self.dims[:2], self.times)

    def singular_values(self) -> "Trajectory":
        """The singular values of a matrix in each head, the largest first: `(time head singular_value)`.

        Raises:
            FwpError: the state is no matrix.
        """
        if self.values.ndim != 4:
            raise FwpError(
                f"the state `{self.name}` has no singular values, because it is no matrix",
                ("axes", " ".join(self.dims[2:]) or "none"),
                help="take norms()",
            )
        found = np.linalg.svd(self.values, compute_uv=False)
        dims = (*self.dims[:2], "singular_value")
        return Trajectory(f"singular values of {self.name}", found, dims, self.times)

    def to_numpy(self) -> Float[np.ndarray, "..."]:
        """The values, `(time head *axes)`; a copy."""
        return self.values.copy()

    def to_xarray(self) -> "xarray.DataArray":
        """The values with their labels: times along `time`, places along all other axes.

        Raises:
            FwpError: xarray is not installed.
        """
        try:
            import xarray  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise FwpError(
                "labelled arrays are xarray's, which is not installed",
                ("needs", "xarray"),
                help="pip install 'fwp[arrays]'; to_numpy(), dims and times do without",
            ) from error
        places = {dim: np.arange(size) for dim, size in zip(self.dims[1:], self.values.shape[1:], strict=True)}
        return xarray.DataArray(self.to_numpy(), {"time": self.times, **places}, self.dims, self.name)

    @explained
    def save(self, path: str | Path) -> None:
        """Write a file, by its ending: `.npz` (values, dims, times and name) or `.nc` (netCDF, by xarray). Whole or not at all.

        Raises:
            FwpError: another ending, xarray is not installed, or the disk refused.
        """
        path = Path(path)
        match path.suffix:
            case ".npz":
                buffer = BytesIO()
                np.savez(buffer, values=self.values, dims=np.array(self.dims), times=self.times, name=self.name)
                write_bytes(path, buffer.getvalue())
            case ".nc":
                # In netCDF a space in a name has to be escaped by whoever reads it.
                labelled = self.to_xarray().rename(self.name.replace(" ", "_"))
                write_bytes(path, bytes(labelled.to_netcdf(engine="scipy")))
            case other:
                raise FwpError(
                    "a trajectory is not written to files of this kind",
                    ("path", str(path)),
                    ("ending", other or "none"),
                    help="end the name in .npz or .nc",
                )


@explained
def trajectory(solution: Solution, name: str | None = None, sample: int = 0) -> Trajectory:
    """One sample's state over the solution's times, without the batch's padding.

    Args:
        solution: `solve(field, times)`, or `solve(field, "knots")` for every knot.
        name: of the state, such as "W" or "layer2.W"; the only one unless given.
        sample: which of the batch.

    Raises:
        FwpError: no such state or sample.
    """
    name = next(iter(solution.states)) if name is None and len(solution.states) == 1 else name
    if name is None or name not in solution.states:
        raise FwpError(
            "there are several states, and a trajectory is of one"
            if name is None
            else f"no state has the name `{name}`",
            ("states", ", ".join(solution.states)),
            help=did_you_mean(name, solution.states, "name one of these: trajectory(solution, …)"),
        )
    net, path = solution.field.net, solution.field.path
    if not 0 <= sample < path.batch:
        raise FwpError(
            "no sample has this number",
            ("sample", str(sample)),
            ("solution", f"samples 0 to {path.batch - 1}"),
            help="samples are counted from 0",
        )
    declared = {
        own: state.axes
        for layer, names in zip(net.layers, net.state_names, strict=True)
        if isinstance(layer, LayerNet)
        for own, state in zip(names, layer.states, strict=True)
    }
    values, times = solution.states[name][sample], solution.times[sample]
    if solution.knots.shape[1] == path.intervals + 1:  # all knots: those of the padding repeat the sample's end
        moving = (path.steps[sample] > 0).nonzero()
        end = int(moving[-1]) + 2 if len(moving) else 1
        values, times = values[:end], times[:end]
    dims = ("time", "head", *declared[name])
    return Trajectory(name, values.detach().cpu().numpy(), dims, times.detach().cpu().numpy())
