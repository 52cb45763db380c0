"""The figures of tensors: what stands in them, and that they can be drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from PIL import Image, ImageSequence
from torch import Tensor

from fwp.plots import contributions, fast_net, fast_weights_moving, readout_map, spectrum, writes
from tests.plots.test_plots import drawn

TIMES = torch.tensor([0.0, 0.5, 2.0, 2.5, 4.0])


def shown_in(place: Axes) -> np.ndarray:
    """The numbers behind its image, a masked array."""
    found = place.get_images()[0].get_array()
    assert found is not None
    return found


def values(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_a_spectrum_has_the_singular_values_and_all_norms() -> None:
    states = values(5, 3, 4, 2)
    singular, norms = axes = spectrum(states, TIMES, head=1, unit="time (hours)")
    found = np.stack([line.get_ydata() for line in singular.get_lines()], -1)
    assert np.allclose(found, np.linalg.svd(states[:, 1].double().numpy(), compute_uv=False))
    assert [line.get_label() for line in norms.get_lines()][-1] == "head 1" and len(norms.get_lines()) == 3
    stands_out = norms.get_lines()[-1]
    assert np.allclose(stands_out.get_ydata(), np.sqrt((found**2).sum(-1))), "the norm is that of the singular values"
    assert all(place.get_xlabel() == "time (hours)" for place in axes) and singular.get_title() == ""
    assert len({line.get_linestyle() for line in singular.get_lines()}) == 2, "lines differ without colour"
    assert drawn(axes)


def test_a_spectrum_says_what_it_leaves_out() -> None:
    (singular, norms) = spectrum(values(1, 1, 9, 8), TIMES[:1], most=3)
    assert len(singular.get_lines()) == 3 and singular.get_title() == "the largest 3 of 8"
    assert len(norms.get_lines()) == 1


def test_edges_are_as_wide_as_weights_and_traffic() -> None:
    weights, queries = values(5, 3, 2), values(5, 2).abs()
    axes = fast_net(weights, TIMES, queries, frames=3, unit="hour")
    assert [place.get_title() for place in axes] == ["hour 0", "hour 2", "hour 4", "", "", ""]
    for row, edges in ((axes[:3], weights[::2]), (axes[3:], weights[::2] * queries[::2, None])):
        for place, own in zip(row, edges, strict=True):
            (lines,) = (c for c in place.collections if isinstance(c, LineCollection))
            widths = np.asarray(lines.get_linewidth())
            wanted = 4 * (own.abs() / edges.abs().max()).flatten().sort().values
            assert np.allclose(widths, wanted, atol=1e-6)
            dashed = [style[1] is not None for style in lines.get_linestyle()]  # pyright: ignore[reportIndexIssue]  # of a collection it is one for each line
            assert sum(dashed) == int((own < 0).sum())
    (units,) = (c for c in axes[5].collections if isinstance(c, PathCollection))
    out = (weights[4] @ queries[4]).abs()
    areas = np.asarray(units.get_sizes()) - 8
    assert np.allclose(areas[2:] / areas[:2].sum(), out / queries[4].sum(), atol=1e-5)
    assert drawn(axes)


def test_a_large_net_shows_its_strongest_edges_and_says_so() -> None:
    (place,) = fast_net(values(5, 20, 20), TIMES, frames=1, most=30)
    (lines,) = (c for c in place.collections if isinstance(c, LineCollection))
    assert len(lines.get_segments()) == 30
    assert [text.get_text() for text in place.texts] == ["30 strongest of 400 edges"], "and no numbers"
    assert drawn(fast_net(torch.zeros(1, 1, 1), TIMES[:1], torch.zeros(1, 1)))


@pytest.mark.parametrize("many", [5, 0])
def test_writes_show_what_is_given(many: int) -> None:
    key, written, erased = values(many, 3).abs(), values(many, 2), values(many, 2) / 2
    rate = torch.full((many,), 0.5)
    axes = writes(key, written, TIMES[:many], erased, rate, unit="time (hours)")
    assert [place.get_ylabel() for place in axes[:4]] == ["key", "value", "value", "rate\nof the step"]
    if many:
        for place, own in zip(axes, (key, written, erased), strict=False):
            assert np.array_equal(shown_in(place), own.T)
        scales = [place.get_images()[0].get_clim() for place in axes[:3]]
        assert scales[1] == scales[2] == pytest.approx((-written.abs().max().item(), written.abs().max().item()))
        assert scales[0] == pytest.approx((0, key.max().item())), "nothing in a softmax is negative"
        change = torch.linalg.matrix_norm(torch.einsum("to, tk -> tok", written, key))
        assert np.allclose(axes[4].get_lines()[0].get_ydata(), change)
        assert [text.get_text() for text in axes[4].get_xticklabels()] == ["0", "0.5", "2", "2.5", "4"]
    assert drawn(axes)


def test_writes_leave_out_what_there_is_not() -> None:
    axes = writes(values(5, 3), values(5, 2), TIMES, label="written − erased")
    assert [place.get_ylabel() for place in axes] == ["key", "value", "norm of\nthe change of W"]
    axes = writes(values(5, 3), values(5, 2), TIMES, rate=TIMES / 4, kept=1 - TIMES / 8)
    assert [line.get_label() for line in axes[2].get_lines()] == ["rate of the step", "kept of W"]


def test_contributions_sum_to_the_read_out() -> None:
    states, queries = values(5, 3, 2).double(), values(5, 2).double()
    found = contributions(states, queries)
    assert torch.allclose(found.sum(1), torch.einsum("tok, tk -> to", states, queries), rtol=1e-12)
    assert torch.equal(found[3, 0], states[0] @ queries[3])
    assert torch.allclose(found[3, 2], (states[2] - states[1]) @ queries[3], rtol=1e-12)
    assert not found[1, 2:].any(), "what comes later adds nothing"


def test_a_read_out_map_shows_their_norms() -> None:
    states, queries = values(5, 3, 2), values(5, 2)
    place = readout_map(states, queries, TIMES)
    shown = np.ma.masked_array(shown_in(place))
    wanted = torch.linalg.vector_norm(contributions(states.double(), queries.double()), dim=-1)
    assert np.allclose(shown.filled(0), wanted) and shown.mask.sum() == 10
    assert drawn([place])
    few = readout_map(states, queries, TIMES, most=3)
    assert shown_in(few).shape == (3, 3)
    asked = queries[4].double()
    assert np.allclose(shown_in(few)[2, 1], ((states[2] - states[0]).double() @ asked).norm())
    assert [text.get_text() for text in few.get_yticklabels()] == ["0", "2", "4"]


def test_an_animation_shows_the_states_one_after_the_other(tmp_path: Path) -> None:
    states = values(5, 3, 4, 2)
    film = fast_weights_moving(states, TIMES, heads=(0, 2), unit="hour")
    film.save(tmp_path / "film.gif", writer="pillow")
    figure = film._fig  # pyright: ignore
    assert figure.get_suptitle().split() == ["hour", "4"]
    shown = [shown_in(place) for place in figure.axes[:2]]
    assert np.array_equal(shown[0], states[4, 0]) and np.array_equal(shown[1], states[4, 2])
    with Image.open(tmp_path / "film.gif") as image:
        assert len(list(ImageSequence.Iterator(image))) == 5
    film = fast_weights_moving(states, TIMES, frames=2)
    film.save(tmp_path / "film.gif", writer="pillow")
    with Image.open(tmp_path / "film.gif") as image:
        assert len(list(ImageSequence.Iterator(image))) == 2


def test_figures_draw_where_they_are_told() -> None:
    figure = Figure()
    assert spectrum(values(5, 1, 2, 2), TIMES, axes=list(figure.subplots(1, 2))) == figure.axes
    figure = Figure()
    assert fast_net(values(5, 2, 2), TIMES, frames=2, axes=list(figure.subplots(1, 2))) == figure.axes
    figure = Figure()
    places = list(figure.subplots(3, 1))
    assert writes(values(5, 2), values(5, 2), TIMES, axes=places) == places
    figure = Figure()
    place = figure.subplots()
    assert readout_map(values(5, 2, 2), values(5, 2), TIMES, axes=place) is place
