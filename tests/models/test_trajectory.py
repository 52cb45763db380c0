"""A state over time with labels: what it holds, without padding, and what comes back from each export."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fwp import controls
from fwp.errors import FwpError
from fwp.fields import direct, stack
from fwp.models.trajectory import Trajectory, trajectory
from fwp.rules import ALL
from fwp.solvers import Solution, solve
from tests.fields.nets import built, sized, some_series


def solved(times: object = "knots", unequal: bool = True) -> Solution:
    torch.manual_seed(0)
    return solve(built(ALL["delta"], direct())(some_series(unequal=unequal, time=7)), times)


def test_it_holds_the_states_of_one_sample() -> None:
    solution = solved()
    lengths = [int((s > 0).sum()) + 1 for s in solution.field.path.steps]
    assert min(lengths) < max(lengths), "some sample has to be padded for this to say anything"
    for sample, length in enumerate(lengths):
        found = trajectory(solution, sample=sample)
        assert found.dims == ("time", "head", "value", "key") and found.values.shape == (length, 2, 4, 5)
        np.testing.assert_array_equal(found.values, solution.states["W"][sample, :length].detach())
        np.testing.assert_array_equal(found.times, solution.times[sample, :length])
        assert (np.diff(found.times) > 0).all()


def test_requested_times_are_all_kept() -> None:
    data = some_series(time=7)
    end = data.times[:, -1].min()
    times = torch.stack([data.times[:, 0].max(), end, end])
    solution = solved(times, unequal=False)
    assert len(trajectory(solution, "W", 1).values) == 3
    assert len(trajectory(solved(None), "W", 1).values) == 1


def test_layers_by_name() -> None:
    torch.manual_seed(0)
    model = stack(ALL["delta"] @ direct(), ALL["delta"] @ direct()) @ controls.linear
    solution = solve(sized(model)(some_series()), "knots")
    np.testing.assert_array_equal(trajectory(solution, "layer2.W").values, solution.states["layer2.W"][0].detach())
    with pytest.raises(FwpError, match="several states"):
        trajectory(solution)


def test_norms_and_singular_values() -> None:
    whole = trajectory(solved())
    norms, singular = whole.norms(), whole.singular_values()
    assert norms.dims == ("time", "head") and singular.dims == ("time", "head", "singular_value")
    matrix = whole.values[3, 1]
    assert norms.values[3, 1] == pytest.approx(np.sqrt((matrix**2).sum()), abs=1e-13)
    squares = np.linalg.eigvalsh(matrix @ matrix.T)[::-1]
    np.testing.assert_allclose(singular.values[3, 1] ** 2, squares, atol=1e-12)
    with pytest.raises(FwpError, match="no matrix"):
        norms.singular_values()


def test_numpy_is_a_copy() -> None:
    whole = trajectory(solved())
    copy = whole.to_numpy()
    np.testing.assert_array_equal(copy, whole.values)
    copy[:] = 0.0
    assert whole.values.any()


def test_npz(tmp_path: Path) -> None:
    whole = trajectory(solved())
    whole.save(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as file:  # without pickle
        assert tuple(file["dims"]) == whole.dims and str(file["name"]) == "W"
        np.testing.assert_array_equal(file["values"], whole.values)
        np.testing.assert_array_equal(file["times"], whole.times)
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "w.npz").mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(FwpError, match="could not be written"):
        trajectory(solved()).save(tmp_path / "w.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]


def test_labels_of_xarray() -> None:
    pytest.importorskip("xarray")
    whole = trajectory(solved())
    labelled = whole.to_xarray()
    assert labelled.dims == whole.dims and labelled.name == "W"
    chosen = labelled.sel(time=whole.times[2] + 1e-3, method="nearest").sel(head=1, key=4)
    np.testing.assert_array_equal(chosen, whole.values[2, 1, :, 4])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_netcdf(tmp_path: Path, dtype: type) -> None:
    xarray = pytest.importorskip("xarray")
    states = trajectory(solved()).singular_values()
    own = Trajectory(states.name, states.values.astype(dtype), states.dims, states.times)
    own.save(tmp_path / "s.nc")
    back = xarray.load_dataset(tmp_path / "s.nc", engine="scipy")["singular_values_of_W"]
    assert back.dims == own.dims and back.dtype == dtype
    np.testing.assert_array_equal(back, own.values)
    np.testing.assert_array_equal(back.time, own.times)


def test_xarray_is_an_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    for use in (Trajectory.to_xarray, lambda whole: whole.save(tmp_path / "w.nc")):
        with pytest.raises(FwpError, match=r"fwp\[arrays\]"):
            use(trajectory(solved()))
    assert not list(tmp_path.iterdir())


def test_refusals(tmp_path: Path) -> None:
    solution = solved()
    with pytest.raises(FwpError, match="no state has the name `M`"):
        trajectory(solution, "M")
    for sample in (-1, 3):
        with pytest.raises(FwpError, match="samples 0 to 2"):
            trajectory(solution, sample=sample)
    with pytest.raises(FwpError, match=r"\.npz or \.nc"):
        trajectory(solution).save(tmp_path / "w.csv")
    whole = trajectory(solution)
    with pytest.raises(FwpError, match="labels"):
        Trajectory("W", whole.values, whole.dims[:-1], whole.times)
    with pytest.raises(FwpError, match="labels"):
        Trajectory("W", whole.values, whole.dims, whole.times[:-1])
