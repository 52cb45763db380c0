"""The C that is generated reads and writes where it may and computes nothing undefined, and its numbers are the kernel's.

Each kernel becomes a program of its own with a `main` that gives every tensor a block of exactly its size, so that what reads
past one end is found; the same text, compiled as always, is the scan whose numbers are compared.
"""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fwp.solvers.kernels import KernelSpec, Step, available, shapes, source
from fwp.solvers.kernels.op import _scan, _scan_backward
from fwp.solvers.kernels.source import CHUNK
from fwp.solvers.kernels.spec import to_text

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FLAGS = ["-std=gnu11", "-O1", "-g", "-fopenmp-simd", "-march=native", "-Wno-psabi"]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]

MAIN = """
#include <stdio.h>
static void *taken(size_t bytes) {
  void *found = malloc(bytes ? bytes : 1); /* of exactly this size: what lies behind is watched */
  if (bytes && fread(found, 1, bytes, stdin) != bytes) exit(3);
  return found;
}
static void told(void *from, size_t bytes) { fwrite(from, 1, bytes, stdout); free(from); }
int main(void) {
  long *sizes = taken((5 + INPUTS) * sizeof(long));
  const long P = sizes[0], N = sizes[1], T = sizes[2], H = sizes[3], cut = sizes[4], matrix = N * H * M * D;
  real *inputs[INPUTS], *d_inputs[INPUTS];
  long *at = taken(P * sizeof(long));
  real *initial = taken(matrix * sizeof(real));
  for (int i = 0; i < INPUTS; i++) inputs[i] = taken(sizes[5 + i] * sizeof(real));
  for (int i = 0; i < INPUTS; i++) d_inputs[i] = malloc(sizes[5 + i] * sizeof(real) + !sizes[5 + i]);
  real *d_states = taken(P * matrix * sizeof(real));
  const long kept = (T - 1) / CHUNK * matrix;
  real *states = malloc(P * matrix * sizeof(real) + 1), *borders = malloc(kept * sizeof(real) + !kept);
  real *d_initial = malloc(matrix * sizeof(real) + !matrix);
  const long borders_of[3] = {0, cut, N * H};
  for (int part = 0; part < 2; part++)
    if (forward(initial, (const real *const *)inputs, at, P, N, T, H, states, borders, borders_of[part],
                borders_of[part + 1]))
      return 4;
  for (int part = 0; part < 2; part++)
    if (backward(initial, (const real *const *)inputs, at, P, N, T, H, borders, d_states, d_initial, d_inputs,
                 borders_of[part], borders_of[part + 1]))
      return 4;
  told(states, P * matrix * sizeof(real));
  told(borders, kept * sizeof(real));
  told(d_initial, matrix * sizeof(real));
  for (int i = 0; i < INPUTS; i++) told(d_inputs[i], sizes[5 + i] * sizeof(real));
  for (int i = 0; i < INPUTS; i++) free(inputs[i]);
  free(initial), free(at), free(sizes), free(d_states);
  return 0;
}
"""


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for programs, where the compiler can make such ones and they run."""
    folder = tmp_path_factory.mktemp("sanitized")
    if CC is None or not available():
        pytest.skip("no C compiler")
    (folder / "trial.c").write_text("int main(void) { return 0; }\n")
    made = subprocess.run([CC, *FLAGS, "trial.c", "-o", "trial"], cwd=folder, capture_output=True, text=True)
    if made.returncode or subprocess.run([folder / "trial"], capture_output=True).returncode:
        pytest.skip(f"the compiler has no sanitizers that run here: {made.stderr[:200]}")
    return folder


def program(folder: Path, spec: KernelSpec) -> Path:
    (folder / "kernel.c").write_text(source(spec) + MAIN)
    assert CC is not None
    made = subprocess.run([CC, *FLAGS, "kernel.c", "-o", "kernel", "-lm"], cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder / "kernel"


def drawn(spec: KernelSpec, batch: int, time: int, head: int) -> tuple[Tensor, list[Tensor]]:
    """Steps that contract; some rates are 0, some beyond where formulas change."""
    dtype = getattr(torch, spec.dtype)
    inputs = {name: torch.randn(batch, time, head, *own, dtype=dtype) for name, own in shapes(spec).items()}
    for name in inputs.keys() & {"read", "write"}:
        inputs[name] = inputs[name] / spec.reads
    if "rate" in inputs:
        inputs["rate"] = (2 * torch.rand_like(inputs["rate"])).square() * (torch.rand_like(inputs["rate"]) > 0.2)
        if not spec.shared:
            inputs["read"] = inputs["write"] * 0.5
    if "erase" in inputs:
        inputs["erase"] = 0.2 * inputs["erase"]
    if "decay" in inputs:
        inputs["decay"] = torch.sigmoid(inputs["decay"])
    return torch.randn(batch, head, spec.outputs, spec.reads, dtype=dtype), [inputs[n] for n in spec.inputs]


def check(kernel: Path, spec: KernelSpec, batch: int, time: int, head: int, at: list[int]) -> None:
    """Run the program on random numbers: it ends well, and says what the operator says."""
    initial, inputs = drawn(spec, batch, time, head)
    states, borders = _scan(initial, inputs, at, to_text(spec))
    probe = torch.randn_like(states)
    expected = [states, borders, *_scan_backward(probe, initial, inputs, borders, at, to_text(spec))]
    cut = random.randrange(batch * head + 1)
    sizes = [len(at), batch, time, head, cut, *(x.numel() for x in inputs)]
    given = [torch.tensor(sizes), torch.tensor(at), initial, *inputs, probe]
    done = subprocess.run(
        [kernel], input=b"".join(x.contiguous().numpy().tobytes() for x in given), capture_output=True, timeout=300
    )
    case = f"{spec} {batch} {time} {head} {at} {cut}"
    assert done.returncode == 0, f"{case}\n{done.stderr.decode(errors='replace')[:3000]}"
    said, bound = bytearray(done.stdout), 1e-11 if spec.dtype == "float64" else 1e-4
    assert len(said) == sum(x.numel() * x.element_size() for x in expected), case
    for own in expected:
        if own.numel():
            size = own.numel() * own.element_size()
            found = torch.frombuffer(said[:size], dtype=own.dtype).reshape(own.shape)
            said = said[size:]
            assert (found - own).abs().max() <= bound * max(1.0, own.abs().max().item()), case


def cases(draw: random.Random, count: int) -> Iterator[KernelSpec]:
    """Every kind of step, precision and flag, over sizes around those of vectors and groups."""
    for n in range(count):
        step = list(Step)[n % 3]
        outputs, reads = (draw.choice([1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33]) for _ in range(2))
        dtype, shared = draw.choice(["float32", "float64"]), draw.random() < 0.5
        if step is Step.AFFINE:
            reading = draw.random() < 0.75
            own = (draw.random() < 0.5, draw.choice([1, 1, 2, 3]), reading)
            yield KernelSpec(step, outputs, reads, dtype, shared and reading, *own)  # type: ignore[arg-type]
        else:
            yield KernelSpec(step, outputs, reads, dtype, shared)  # type: ignore[arg-type]


def sizes(draw: random.Random) -> Iterator[tuple[int, int, int, list[int]]]:
    """Batch, time, head and places: one step, the borders of chunks, no series at all."""
    for time in (1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 3):
        batch, head = draw.choice([1, 2, 3]), draw.choice([1, 3, 5, 17])
        yield batch, time, head, sorted(draw.sample(range(1, time + 1), draw.randint(1, min(time, 5))))
    yield 0, 5, 2, [5]
    yield 2, CHUNK + 1, 2, list(range(1, CHUNK + 2))


SMALL = [
    KernelSpec(Step.AFFINE, 3, 5, "float32", shared=False, decays=True, rank=2),
    KernelSpec(Step.TANH, 5, 3, "float64", shared=True),
    KernelSpec(Step.SOFTMAX, 3, 9, "float32", shared=False),
]


@pytest.mark.parametrize("spec", SMALL, ids=to_text)
def test_a_kernel_of_each_kind(sanitized: Path, spec: KernelSpec) -> None:
    draw = random.Random(0)
    kernel = program(sanitized, spec)
    for batch, time, head, at in sizes(draw):
        check(kernel, spec, batch, time, head, at)


def test_the_sanitizers_find_what_they_are_for(sanitized: Path) -> None:
    """Past the end of a tensor by one number."""
    spec = SMALL[0]
    kernel = sanitized / "kernel.c"
    kernel.write_text((source(spec) + MAIN).replace("c->decay[t][g] = inputs[IN_DECAY][at];", "c->decay[t][g] = inputs[IN_DECAY][at + 1];"))  # fmt: skip
    assert CC is not None
    subprocess.run([CC, *FLAGS, "kernel.c", "-o", "kernel", "-lm"], cwd=sanitized, check=True, capture_output=True)
    with pytest.raises(AssertionError, match="heap-buffer-overflow"):
        check(sanitized / "kernel", spec, 1, 3, 1, [3])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_kernels_of_random_specs(sanitized: Path, seed: int) -> None:
    draw = random.Random(seed)
    for spec in cases(draw, 15):
        kernel = program(sanitized, spec)
        for batch, time, head, at in sizes(draw):
            check(kernel, spec, batch, time, head, at)
