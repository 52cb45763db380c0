"""What every test stands on: seeds, threads, hypothesis profiles, and the sessions that a test belongs to.

It never imports fwp: the hook that checks annotations must see that import first.
"""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, register_random, settings

HERE = Path(__file__).parent
AS_USERS_SEE_IT = [HERE / "messages", HERE / "issues", HERE / "compile", HERE / "proofs", HERE / "cli", HERE / "docs"]
DEAR_UNDER_THE_HOOK = [
    HERE
    / "terms"
    / "test_structure_laws.py",  # eleven times the time, for thousands of terms that other tests check too
    *(HERE / "bench" / f"test_{name}.py" for name in ("accuracy", "many", "resume", "speed")),  # whole trainings
]

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything imports matplotlib, subprocesses included
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # workers share the cores

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=30)
settings.register_profile(
    "hunt", deadline=None, max_examples=5_000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class TorchRandom:
    """torch's global generator as hypothesis wants it: every example starts from the same seed."""

    seed = staticmethod(torch.manual_seed)

    @staticmethod
    def getstate() -> bytes:
        return torch.get_rng_state().numpy().tobytes()

    @staticmethod
    def setstate(state: bytes) -> None:
        torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


TORCH_RANDOM = TorchRandom()  # hypothesis keeps only a weak reference
register_random(TORCH_RANDOM)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path in DEAR_UNDER_THE_HOOK or any(folder in item.path.parents for folder in AS_USERS_SEE_IT):
            item.add_marker(pytest.mark.nohook)
