from typing import Any

import pytest
import torch

from fwp.controls import by_name, hermite, linear
from fwp.data import Series, series
from fwp.errors import FwpError
from fwp.fields import Projection, wiring
from fwp.models import Classifier, Head, Solver
from fwp.rules import ALL, delta


def drawn(batch: int = 5, channels: int = 3) -> Series:
    lengths = torch.randint(2, 9, (batch,))
    return series(torch.randn(batch, 8, channels), lengths=lengths)


def classifier(head: Head, solver: Solver | None = None) -> Classifier:
    model = delta @ wiring("keys-from-increments") @ hermite
    return Classifier(model.build(3, width=12, heads=2), head, solver or Solver())


@pytest.mark.users
def test_a_classifier_gives_logits_and_gradients() -> None:
    data = drawn()
    made = classifier(Head(classes=4, hidden=7, dropout=0.1))
    logits = made(data)
    assert logits.shape == (5, 4)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())


def test_series_and_fitted_path_give_the_same() -> None:
    data, made = drawn(), classifier(Head(classes=4)).eval()
    assert torch.equal(made(data), made(hermite(data)))


def test_each_series_is_read_at_its_own_end() -> None:
    """Whatever else is in the batch, and however long."""
    data, made = drawn(), classifier(Head(classes=4)).double().eval()
    data = data.to(dtype=torch.float64)
    together = made(data)
    for i in range(len(data)):
        one, length = data[i], int(data.lengths[i])
        alone = series(one.values[:, :length], one.times[:, :length], one.mask[:, :length])
        torch.testing.assert_close(made(alone), together[i : i + 1], rtol=1e-12, atol=1e-12)


def test_the_pieces_of_the_head_are_options() -> None:
    names = {
        full: {name for name, _ in classifier(head).named_children()}
        for full, head in (("all", Head(4, 7)), ("least", Head(4, 0, projection=False)))
    }
    assert names["all"] == names["least"] == {"net", "projection", "dropout", "block", "classify"}
    least = classifier(Head(4, 0, projection=False)).eval()
    data = drawn()
    reading = least.solve(data).read().flatten(1)
    torch.testing.assert_close(least(data), reading @ least.classify.weight.T + least.classify.bias)


@pytest.mark.parametrize("numbers", [{"classes": 0}, {"classes": 2, "hidden": -1}, {"classes": 2, "dropout": 1.0}])
def test_a_head_has_sizes_that_exist(numbers: dict[str, float]) -> None:
    with pytest.raises(FwpError, match="cannot have these sizes"):
        Head(**numbers)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ALL)
def test_every_rule_classifies(name: str) -> None:
    """Vectors, matrices and systems alike: only the read-out's axes matter."""
    wirings = {"ncde": "ncde", "gru_ode": "gru-ode"}
    projection = wiring(wirings[name]) if name in wirings else Projection()
    model = ALL[name] @ projection.restricted(ALL[name]) @ linear
    sizes: dict[str, Any] = {"inner": 5} if name == "ncde" else {}
    net = model.build(3, width=12, heads=2, **sizes)
    made = Classifier(net, Head(4, 7), Solver("euler"))
    assert made(drawn()).shape == (5, 4)


def test_solver_options_reach_the_solver() -> None:
    data, made = drawn(), classifier(Head(4), Solver("dopri5", gradient="adjoint", rtol=1e-7))
    stats = made.solve(data).stats
    assert (stats.method, stats.gradient) == ("dopri5", "adjoint")
    assert by_name("hermite") == hermite
