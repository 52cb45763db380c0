"""What a module remembers, where a part of a solve is computed a second time for its gradient."""

from torch import Tensor, nn

__all__ = ["AsBefore"]


class AsBefore:
    """A context in which a module's buffers are what they were when it was made; then they are again what they became.

    Without it a BatchNorm would count a segment twice, and a spectral norm, which goes on with its iteration at every call,
    would give the gradient of other weights than those that the states were computed with.
    """

    def __init__(self, module: nn.Module) -> None:
        self.before = [
            (own, name, buffer.clone())
            for own in module.modules()
            for name, buffer in own._buffers.items()
            if buffer is not None
        ]
        self.later: list[Tensor | None] = []

    def __enter__(self) -> None:
        self.later = [own._buffers[name] for own, name, _ in self.before]
        for own, name, buffer in self.before:
            own._buffers[name] = buffer.clone()

    def __exit__(self, *failure: object) -> None:
        for (own, name, _), became in zip(self.before, self.later, strict=True):
            own._buffers[name] = became
