"""The numbers of a model as a safetensors file: named by model.json by their digest, and read if they are those that it wants."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

from fwp.data.extra import extra
from fwp.errors import FormatError, FwpError
from fwp.files import settle, unsealed_tensors, write_bytes
from fwp.files.seal import digest_of

__all__ = ["new_weights", "read_weights", "safetensors", "weights_of"]

FLOATING = ("F64", "F32", "F16", "BF16")
"""What safetensors calls them."""


@contextmanager
def new_weights(folder: Path, weights: bytes, digest: str) -> Iterator[None]:
    """Weights beside the old ones while the block writes the model.json that names them; then in their place.

    Raises:
        FwpError: the disk refused.
    """
    new = _new(folder, digest)
    for left in set(folder.glob(_new(folder, "*").name)) - {new}:  # of who was killed before model.json named it
        with suppress(OSError):
            left.unlink()
    write_bytes(new, weights)
    try:
        yield
    except FwpError:  # model.json is the old one
        with suppress(OSError):
            new.unlink()
        raise
    try:
        settle(new, folder / "weights.safetensors")
    except OSError as error:
        raise FwpError(
            "the weights of a model could not be given their name, but are there",
            ("weights", str(new)),
            ("the system says", error.strerror or str(error)),
            help="fwp.load finds them by what model.json says; save again to have the usual name",
        ) from error


def weights_of(folder: Path, named: object) -> Path:
    """The file of the weights whose digest model.json names, or of those without one where it names none.

    Raises:
        FormatError: the file is missing or damaged, or it is another model's.
    """
    file, new = folder / "weights.safetensors", _new(folder, str(named))
    if named is not None and new.exists() and _digest(new) == named:
        return new  # whoever saved it was killed before the last step
    found = _digest(file)
    if found != named:
        raise FormatError(
            "the weights are not those of the model",
            ("folder", str(folder)),
            ("model.json", f"names weights of SHA-256 {named}" if named else "names none"),
            ("weights.safetensors", f"SHA-256 {found}" if found else "has no digest"),
            help="keep model.json and weights.safetensors of one run together",
        )
    return file


def _digest(file: Path) -> str | None:
    try:
        return unsealed_tensors(file)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> FormatError:
    return FormatError(
        "the weights cannot be read",
        ("file", str(file)),
        ("because", str(error)),
        help="the file is missing or damaged: restore it, or train again",
    )


def read_weights(file: Path, expected: Mapping[str, Tensor], model: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors in the file, if they are those that the model has.

    Raises:
        FormatError: they are not, the file says that they are another model's, or it cannot be read.
    """
    library = safetensors()
    try:
        with library.safe_open(file, framework="pt") as stored:
            of = (stored.metadata() or {}).get("model")
            if of is not None and of != digest_of(model):
                raise FormatError(
                    "the weights are not those of the model",
                    ("folder", str(file.parent)),
                    ("model.json", f"describes the model {digest_of(model)[:16]}…"),
                    (file.name, f"are of the model {of[:16]}…"),
                    help="keep model.json and weights.safetensors of one run together",
                )
            slices = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118  # it is no dictionary
            found = {name: (tuple(part.get_shape()), part.get_dtype() in FLOATING) for name, part in slices.items()}
            wanted = {name: (tuple(tensor.shape), tensor.is_floating_point()) for name, tensor in expected.items()}
            for name in sorted(found.keys() | wanted.keys()):
                if found.get(name) != wanted.get(name):
                    raise FormatError(
                        "the weights are not those of the model",
                        ("folder", str(file.parent)),
                        ("tensor", name),
                        ("model", _kind(wanted.get(name))),
                        ("file", _kind(found.get(name))),
                        help="keep model.json and weights.safetensors of one run together",
                    )
            # Copies: a file maps its tensors to where they stand, and last bits of a product depend on alignment.
            return {name: stored.get_tensor(name).clone() for name in wanted}
    except (OSError, library.SafetensorError) as error:
        raise _unreadable(file, error) from error


def _new(folder: Path, digest: str) -> Path:
    """Where weights are until model.json names them."""
    return folder / f".weights-{digest[:16]}.safetensors"


def safetensors() -> ModuleType:
    """Its part for torch, with the whole. Raises: FwpError: it is not installed."""
    return extra("safetensors.torch", "weights are kept as safetensors", FwpError)


def _kind(tensor: tuple[tuple[int, ...], bool] | None) -> str:
    return "none of that name" if tensor is None else f"shape {tensor[0]}, {'real' if tensor[1] else 'other'} numbers"
