"""Log-signatures: each backend says what the definition says, in one basis and one order."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from fwp.controls import backend_of, log_signature
from fwp.controls.signature import Backend, log_signatures, lyndon_words
from fwp.controls.signature.backend import log_signature_by
from fwp.errors import DataError
from fwp.testing.strategies import some_batch
from fwp.testing.terms import seeds
from tests.controls import signatures
from tests.controls.compared import close

LIBRARIES = [Backend.SIGNATORY, Backend.PYSIGLIB]
CASES = [(Backend.CLOSED_FORM, depth) for depth in (1, 2)]
CASES += [(library, depth) for library in LIBRARIES for depth in (1, 2, 3, 4)]


def need(backend: Backend) -> None:
    if backend is not Backend.CLOSED_FORM:
        pytest.importorskip(backend.value)


def points(seed: int, windows: int, count: int, channels: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(windows, count, channels, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("backend, depth", CASES)
@given(seed=seeds, count=st.integers(2, 6), channels=st.integers(1, 4))
def test_each_backend_says_what_the_definition_says(backend, depth, seed, count, channels):
    need(backend)
    drawn = points(seed, 3, count, channels)
    reference = np.stack([signatures.log_signature(window, depth) for window in drawn.numpy()])
    assert close(log_signature_by(backend, drawn, depth), torch.from_numpy(reference), 1e-12)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.value)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_libraries_have_the_gradients_of_the_definition(library, depth):
    need(library)
    drawn = points(0, 2, 4, 3).requires_grad_()
    assert gradcheck(lambda lines: log_signature_by(library, lines, depth), drawn, atol=1e-9, rtol=1e-7)
    if depth <= 2:
        ours, theirs = (log_signature_by(by, drawn, depth) for by in (Backend.CLOSED_FORM, library))
        weights = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        assert close(*(torch.autograd.grad(found, drawn, weights)[0] for found in (theirs, ours)), 1e-13)


@pytest.mark.parametrize("depth", [1, 2])
def test_closed_forms_have_gradients_of_gradients(depth):
    drawn = points(0, 2, 4, 3).requires_grad_()
    closed = (lambda lines: log_signature_by(Backend.CLOSED_FORM, lines, depth), drawn)
    assert gradcheck(*closed, atol=1e-9, rtol=1e-9) and gradgradcheck(*closed, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.value)
def test_gradients_of_gradients_that_would_be_zero_are_refused(library):
    need(library)
    drawn = points(0, 2, 4, 3).requires_grad_()
    found = log_signature_by(library, drawn, 3).square().sum()
    with pytest.raises(DataError, match=f"{library.value} has no gradients of gradients"):
        torch.autograd.grad(found, drawn, create_graph=True)


@pytest.mark.parametrize("backend, depth", CASES)
def test_no_windows_have_no_log_signatures(backend, depth):
    need(backend)
    found = log_signature_by(backend, points(0, 0, 4, 3), depth)
    assert found.shape == (0, lyndon_words(3, depth))


@pytest.mark.parametrize("letters", [1, 2, 3, 7])
def test_lyndon_words_are_counted(letters):
    for depth in (1, 2, 3, 4):
        assert lyndon_words(letters, depth) == len(signatures.lyndon_words(letters, depth))


def test_eigenworms_has_seven_and_twenty_eight_channels():
    assert [log_signature(depth).channels(6) for depth in (1, 2)] == [7, 28]
    assert log_signature(3, time=False).channels(6) == 6 + 15 + 70
    assert log_signature(3).points(6) == 7 and log_signature(3, time=False).points(6) == 6


def test_a_library_that_is_not_there_is_asked_for(monkeypatch):
    for library in LIBRARIES:
        monkeypatch.setitem(sys.modules, library.value, None)
    assert [backend_of(depth) for depth in (1, 2)] == ["closed form", "closed form"]
    for ask in (lambda: backend_of(3), lambda: log_signature(3)(some_batch(0, 2, 5, 3, 0.0))):
        with pytest.raises(DataError, match=r"(?s)more than depth 2.*fwp\[signatures\].*make signatory"):
            ask()


def test_signatory_comes_before_pysiglib(monkeypatch):
    pytest.importorskip("pysiglib")
    if find_spec("signatory"):
        assert backend_of(3) == "signatory"
    monkeypatch.setitem(sys.modules, "signatory", None)
    assert backend_of(3) == "pysiglib"


@pytest.mark.parametrize("depth", [3, 4])
def test_windows_of_any_depth_are_those_of_the_definition(depth):
    if not any(find_spec(library.value) for library in LIBRARIES):
        pytest.skip("nothing installed computes more than depth 2")
    x = points(0, 2, 8, 3)
    found = log_signatures(x, depth, 3)
    parts = [signatures.log_signature(one[a : a + 4].numpy(), depth) for one in x for a in (0, 3, 6)]
    assert close(found.flatten(0, 1), torch.from_numpy(np.stack(parts)), 1e-12)
