"""A field linear in dx is torchcde's business too: the same solutions, and a part for any NCDE script."""

import pytest
import torch
import torchcde

from fwp import controls, series, solve
from fwp.controls import Control, Kind
from fwp.errors import CompositionError
from fwp.fields import Projection, direct, increments_only, keys_from_increments, linear, ncde_wiring, plain, stack
from fwp.rules import delta, dx, gru_ode, hebb, ncde, oja
from fwp.solvers import METHODS
from tests.fields.nets import built, close, random_states, sized, some_series, suitable
from tests.solvers.reference import choices

LINEAR = {"hebb": (hebb, plain(values=dx)), "ncde": (ncde, ncde_wiring()), "hebb, keys from dx": (hebb, plain(keys=dx))}
CONTROLS = [controls.linear, controls.rectilinear, controls.natural_cubic, Control(Kind.HERMITE, time=False)]


@pytest.mark.users
@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("control", CONTROLS, ids=repr)
def test_both_backends_agree(name, control):
    """To the last digits where steps are fixed: it is the same equation on the same grid."""
    net = built(*LINEAR[name], control)
    field, states = net(some_series(unequal=True, missing=0.2)), random_states(net, 3)
    with torch.no_grad():
        for options in ({"method": "rk4"}, {"method": "midpoint", "steps": 3}, {"method": "euler"}):
            ours, theirs = (
                solve(field, "knots", initial=states, backend=b, **options) for b in ("torchdiffeq", "torchcde")
            )
            assert all(close(theirs.states[n], ours.states[n], 1e-12) for n in states)
            assert close(theirs.read(), ours.read(), 1e-12)
            assert theirs.stats.evaluations >= ours.stats.evaluations


@pytest.mark.parametrize("control", CONTROLS, ids=repr)
def test_adaptive_methods_agree_to_their_tolerance(control):
    net = built(*LINEAR["hebb"], control)
    field = net(some_series(unequal=True, missing=0.2))
    with torch.no_grad():
        for method in ("dopri5", "dopri8"):
            tight = {"method": method, "rtol": 1e-8, "atol": 1e-9}
            ours, theirs = (solve(field, backend=b, **tight) for b in ("torchdiffeq", "torchcde"))
            assert close(theirs.final["W"], ours.final["W"], 1e-6) and close(theirs.read(), ours.read(), 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_serves(method):
    net = built(*LINEAR["hebb"], controls.hermite)
    field = net(some_series(time=4, unequal=True))
    with torch.no_grad():
        reference = solve(field, method="rk4", steps=10)
        found = solve(field, backend="torchcde", **choices(method, 40, 1e-6))
    rough = {
        "euler": 0.1,
        "midpoint": 1e-3,
        "heun2": 1e-3,
        "explicit_adams": 1e-2,
        "implicit_adams": 1e-2,
        "fixed_adams": 1e-2,
    }
    assert close(found.final["W"], reference.final["W"], rough.get(method, 1e-3))


def test_times_may_be_requested():
    net = built(*LINEAR["hebb"])
    data = some_series()
    wanted = data.times[:, [0, 2, 3]] + torch.tensor([0.0, 0.2, 0.2], dtype=torch.float64)
    with torch.no_grad():
        ours, theirs = (solve(net(data), wanted, backend=b) for b in ("torchdiffeq", "torchcde"))
        assert close(theirs.states["W"], ours.states["W"], 1e-12) and close(theirs.read(), ours.read(), 1e-12)
        begin = [solve(net(data), data.times[:, :1], backend=b).final["W"] for b in ("torchdiffeq", "torchcde")]
    assert torch.equal(*begin) and torch.equal(begin[0], net(data).initial()["W"])


def test_gradients_agree():
    net = built(*LINEAR["ncde"])
    found = []
    for backend in ("torchdiffeq", "torchcde"):
        net.zero_grad()
        solve(net(some_series()), backend=backend).read().square().sum().backward()
        found.append([p.grad.clone() for p in net.parameters()])
    assert all(close(b, a, 1e-12) for a, b in zip(*found, strict=True))


NOT_LINEAR = {
    "delta": (delta, plain(keys=dx)), "no dx": (hebb, plain()), "published": (hebb, keys_from_increments()),
    "a bias": (hebb, Projection(v=linear("channel -> head value", dx))), "gru": (gru_ode, suitable("gru_ode")),
    "oja": (oja, increments_only()),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_a_field_that_is_not_linear_is_refused(name):
    net = built(*NOT_LINEAR[name])
    field = net(some_series())
    with pytest.raises(CompositionError, match="not linear in dx"):
        solve(field, backend="torchcde")
    with pytest.raises(CompositionError, match="not linear in dx"):
        field.as_cde()


def test_layers_are_refused():
    net = sized(stack(hebb @ plain(values=dx), hebb @ direct()) @ controls.linear)
    with pytest.raises(CompositionError):
        net(some_series()).as_cde()


@pytest.mark.users
@pytest.mark.parametrize("name", LINEAR)
def test_a_field_drops_into_a_script_of_torchcde(name):
    net = built(*LINEAR[name])
    field = net(series(torch.randn(3, 6, 3, dtype=torch.float64)))
    cde = field.as_cde()
    steps = {"step_size": 1.0, "perturb": True}  # else the last stage of a step reads the next interval
    z = torchcde.cdeint(X=cde.X, func=cde.func, z0=cde.z0, t=cde.X.interval, adjoint=False, method="rk4", options=steps)
    ours = solve(field, method="rk4")
    states = cde.unpack(z[:, -1])
    assert all(close(states[n], ours.final[n], 1e-12) for n in states)
    assert torch.equal(cde.pack(cde.unpack(z[:, -1])), z[:, -1])
    every = cde.unpack(z)
    assert all(every[n].shape == (3, 2, *ours.final[n].shape[1:]) for n in every)
    z.sum().backward()
    used = [n for n, p in net.named_parameters() if p.grad is not None]
    assert used and len(list(cde.func.parameters())) == len(list(net.parameters()))

    as_torchcde_s_own = torchcde.LinearInterpolation(torch.cat([field.path.times[..., None], net_values(field)], -1))
    for t in (0.0, 1.3, 4.99):
        assert close(cde.X.evaluate(torch.tensor(t)), as_torchcde_s_own.evaluate(torch.tensor(t)), 1e-12)
        assert close(cde.X.derivative(torch.tensor(t)), as_torchcde_s_own.derivative(torch.tensor(t)), 1e-12)
    assert torch.equal(cde.X.grid_points, as_torchcde_s_own.grid_points.double())
    assert torch.equal(cde.X.interval, as_torchcde_s_own.interval.double())


def net_values(field):
    x, _ = field.path.nodes([0.0, 1.0])
    return torch.cat([x[:, :, 0], x[:, -1:, 1]], 1)[..., 1:]


@pytest.mark.parametrize("name", LINEAR)
def test_the_matrix_of_a_field_and_its_product_are_one(name):
    """func(t, z) is (batch hidden channel), and func.prod(t, z, u) its product with any u, made without it."""
    net = built(*LINEAR[name])
    cde = net(some_series()).as_cde()
    z, u = torch.randn_like(cde.z0), torch.randn(3, 4, dtype=torch.float64)
    F = cde.func(torch.tensor(1.4), z)
    assert F.shape == (*z.shape, 4)
    assert close(cde.func.prod(torch.tensor(1.4), z, u), (F @ u[..., None])[..., 0], 1e-13)


def test_a_script_needs_no_more_than_torchcde_s_own_lines():
    field = built(*LINEAR["hebb"], controls.natural_cubic)(some_series())
    cde = field.as_cde()
    with torch.no_grad():
        z = torchcde.cdeint(cde.X, cde.func, cde.z0, cde.X.interval, rtol=1e-6)
        assert close(cde.unpack(z[:, -1])["W"], solve(field, steps=20).final["W"], 1e-3)


def test_a_script_may_use_the_matrix_alone():
    """Without `prod`, as an NCDE's func is written: torchcde multiplies by itself."""
    net = built(*LINEAR["ncde"])
    field = net(some_series())
    cde = field.as_cde()

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own = cde.func

        def forward(self, t, z):
            return self.own(t, z)

    with torch.no_grad():
        z = torchcde.cdeint(X=cde.X, func=Plain(), z0=cde.z0, t=cde.X.interval, adjoint=False, method="rk4",
                            options={"step_size": 1.0, "perturb": True})  # fmt: skip
        assert close(cde.unpack(z[:, -1])["z"], solve(field).final["z"], 1e-12)


def test_torchcde_s_own_solution_of_the_published_ncde():
    """Kidger's two-layer field over torchcde's own spline, solved by torchcde alone."""
    net = built(ncde, ncde_wiring(), Control(Kind.NATURAL_CUBIC, time=True), heads=1)
    data = series(torch.randn(3, 6, 3, dtype=torch.float64))
    A_in, b_in, A_out, b_out = (
        net.get_parameter(f"layers.0.slow.steps.{n}_constant.value") for n in ("A_in", "b_in", "A_out", "b_out")
    )
    with torch.no_grad():
        b_in += 0.1
        values = torch.cat([data.times[..., None], data.values], -1)
        spline = torchcde.CubicSpline(torchcde.natural_cubic_coeffs(values))

        def func(_, z):
            hidden = (z @ A_in.T + b_in).relu()
            return (torch.einsum("hci,bi->bhc", A_out, hidden) + b_out).tanh()

        z0 = net(data).initial()["z"][:, 0]
        z = torchcde.cdeint(X=spline, func=func, z0=z0, t=spline.interval, adjoint=False, rtol=1e-9, atol=1e-10)
        ours = solve(net(data), method="dopri5", rtol=1e-9, atol=1e-10)
    assert close(ours.final["z"][:, 0], z[:, -1], 1e-5)  # its relu has a corner, where tolerances promise little
