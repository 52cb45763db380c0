"""States that begin at static features: the published InitialValueNetwork."""

import pytest
import torch
from torch.nn.functional import linear as product

from fwp.controls import linear
from fwp.data import series
from fwp.errors import CompositionError
from fwp.fields import (
    Projection,
    direct,
    external,
    first_write,
    from_features,
    from_json,
    keys_from_increments,
    ncde_wiring,
    to_json,
)
from fwp.fields.vector_field import VectorField
from fwp.rules import delta, ncde
from fwp.rules.vocabulary import x


def field(model, sizes: dict[str, int]) -> VectorField:
    torch.manual_seed(1)
    net = model.build(3, width=8, heads=2, feature=5, feature_hidden=7, dtype=torch.float64, **sizes)
    return net(series(torch.randn(4, 6, 3, dtype=torch.float64), static=torch.randn(4, 5, dtype=torch.float64)))


@pytest.mark.parametrize("wiring", [direct(), keys_from_increments(value_norm=True)])
def test_the_first_write_is_that_of_the_published_network(wiring: Projection) -> None:
    own = field(delta @ from_features(wiring, delta) @ linear, {})
    parameters = dict(own.net.named_parameters())

    def mapped(name: str, of: torch.Tensor) -> torch.Tensor:
        weight, bias = (parameters[f"layers.0.slow.steps.{name}.{kind}"] for kind in ("weight", "bias"))
        return product(of, weight.flatten(0, -2), bias.flatten())

    assert own.path.static is not None
    hidden = mapped("features_linear", own.path.static).relu()
    k = mapped("initial_k_linear", hidden).unflatten(-1, (2, 4)).softmax(-1)
    v = mapped("initial_v_linear", hidden).unflatten(-1, (2, 4)).tanh()
    beta = mapped("initial_beta_linear", hidden).sigmoid()
    expected = torch.einsum("bh,bhv,bhk->bhvk", beta, v, k)
    assert torch.allclose(own.initial()["W"], expected, rtol=0, atol=1e-14)


def test_a_start_at_x_becomes_a_start_at_features() -> None:
    own = field(ncde @ from_features(ncde_wiring(), ncde) @ linear, {"inner": 4})
    moved = own.net @ linear(series(torch.zeros(4, 6, 3, dtype=torch.float64), static=own.path.static))
    assert torch.equal(own.initial()["z"], moved.initial()["z"])


def test_it_travels_as_json() -> None:
    model = delta @ from_features(direct(), delta) @ linear
    assert from_json(to_json(model)) == model
    assert {"feature", "feature_hidden", "channel", "head"} <= model.axes


def test_a_slot_without_a_linear_map_is_refused() -> None:
    with pytest.raises(CompositionError, match="cannot be drawn from static features"):
        own = Projection(k=external(torch.nn.Linear(3, 8), x, "head key"), initial=first_write())
        from_features(own, delta)
