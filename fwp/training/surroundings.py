"""Where a run takes place: on which device, with how many threads, and without the chatter of the libraries around it."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning

from fwp.errors import FwpError

__all__ = ["device_of", "quiet", "reproducible"]


def device_of(name: str) -> torch.device:
    """The device of that name, as torch calls it; "auto" is a GPU if there is one.

    Raises:
        FwpError: there is no such device here.
    """
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
        raise FwpError(
            "there is no such device here", ("device", name), ("torch says", str(error).splitlines()[0]), help="use cpu"
        ) from error
    return device


@contextmanager
def quiet() -> Iterator[None]:
    """Without lightning's advice on loaders, workers and loggers: none of it is for the user of this library."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=PossibleUserWarning)
            warnings.filterwarnings("ignore", module="lightning")  # its own use of what torch has deprecated
            yield
    finally:
        log.setLevel(level)


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """As many threads as the recipe says; afterwards torch's threads, generators and choice of algorithms are as before."""
    before = torch.get_num_threads()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
