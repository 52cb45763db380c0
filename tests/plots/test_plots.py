from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from fwp.errors import FwpError
from fwp.plots import fast_weights, learning_curve
from fwp.plots.weights import SIGNED

ROWS = [
    {
        "epoch": e,
        "train_loss": 2.0 - e / 4,
        "valid_loss": None if e == 1 else 2.1,
        "train_accuracy": e / 4,
        "valid_accuracy": 0.5,
    }
    for e in range(4)
]


def drawn(axes: object) -> bytes:
    buffer = BytesIO()
    figure = axes[0].get_figure()  # type: ignore
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_a_learning_curve_shows_both_parts_and_the_choice() -> None:
    loss, accuracy = axes = learning_curve(ROWS, chosen=2)
    assert (loss.get_ylabel(), accuracy.get_xlabel()) == ("cross entropy (nats)", "epoch")
    labels = [line.get_label() for line in accuracy.get_lines()]
    assert labels == ["train", "valid", "chosen: epoch 2"]
    assert [np.size(line.get_xdata()) for line in loss.get_lines()][:2] == [4, 3], "what is not known is left out"
    assert drawn(axes).startswith(b"\x89PNG")


def test_each_measure_has_its_units() -> None:
    loss, r2 = learning_curve([{"epoch": 1, "train_r2": 0.5, "train_loss": 1.0}], measure="r2")
    assert (loss.get_ylabel(), r2.get_ylabel()) == ("mean squared error (standardised)", "variance explained (share)")
    assert [np.size(line.get_xdata()) for line in r2.get_lines()] == [1, 0]
    with pytest.raises(FwpError, match=r"(?s)'rmse'.*accuracy, auc, r2"):
        learning_curve(ROWS, measure="rmse")


def test_one_epoch_or_none_is_drawn_too() -> None:
    assert drawn(learning_curve(ROWS[:1]))
    assert drawn(learning_curve([]))


@pytest.mark.parametrize("shape", [(9, 2, 4, 3), (1, 2, 4, 3), (9, 2, 5)])
def test_fast_weights_share_one_scale(shape: tuple[int, ...]) -> None:
    states, times = torch.randn(shape), torch.arange(float(shape[0]))
    axes = fast_weights(states, times, heads=(0, 1), frames=4)
    columns = 1 if len(shape) == 3 else min(4, shape[0])
    assert len(axes) == 2 * columns
    limit = states.abs().max().item()
    for place in axes:
        (image,) = place.get_images()
        assert image.get_clim() == pytest.approx((-limit, limit))
    assert axes[0].get_ylabel() == "head 0\nvalue" and axes[-1].get_xlabel() == ("key" if len(shape) == 4 else "time")
    if len(shape) == 4:
        assert axes[0].get_title() == "time 0"
    assert drawn(axes)


def test_they_draw_where_they_are_told() -> None:
    figure = Figure()
    assert list(learning_curve(ROWS, axes=figure.subplots(1, 2))) == figure.axes
    figure = Figure()
    fast_weights(torch.zeros(3, 1, 2, 2), torch.arange(3.0), frames=2, axes=list(figure.subplots(1, 2)))
    assert len(figure.axes) == 3, "two maps and their scale"


def test_the_colours_read_in_grey() -> None:
    grey = [float(np.dot(to_rgb(SIGNED(x)), (0.2126, 0.7152, 0.0722))) for x in np.linspace(0, 1, 50)]
    assert all(b > a for a, b in pairwise(grey)), "lightness only rises"
