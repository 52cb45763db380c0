"""Modules of the user's own: what may be one, and the copies of them that nets are built of; and the hooks that can be called."""

from typing import Any, NoReturn

from torch import nn

from fwp.data.copies import copied
from fwp.errors import CompositionError, FwpError

__all__ = ["WithoutBackwardHooks", "checked_module", "copy_of"]


class WithoutBackwardHooks(nn.Module):
    """A module that gives fields or dictionaries, through which torch cannot follow a gradient back to it."""

    def register_full_backward_hook(self, hook: object, prepend: bool = False) -> NoReturn:
        """Such a hook would never be called. Raises: CompositionError."""
        raise CompositionError(
            "a backward hook on this module would never be called: what it gives is no tensor",
            ("module", f"a {type(self).__name__}"),
            help='register it on a step of its slow net, net.layers[0].slow.steps["k_linear"], or on a layer, FastWeights(…)',
        )

    register_full_backward_pre_hook = register_backward_hook = register_full_backward_hook


def checked_module(module: object) -> nn.Module:
    """The module itself. Raises: CompositionError: it is none."""
    if isinstance(module, nn.Module):
        return module
    raise CompositionError(
        "an external map is a module, whose parameters a net can keep, train and copy",
        ("given", repr(module) if isinstance(module, type) else f"a {type(module).__name__}"),
        help="make one of the class first: external(MyModule(), …)"
        if isinstance(module, type)
        else "write a class of torch.nn.Module whose forward it is",
    )


def copy_of(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """A module with the same numbers, flags, hooks and buffers; `memo` knows the copies made before, of all or of parts of it.

    Raises:
        CompositionError: it cannot be copied.
    """
    try:
        return copied(module, memo)
    except FwpError:
        raise
    except Exception as error:  # whatever a module of somebody else's raises
        raise CompositionError(
            "a module of your own cannot be copied, and each layer is built of a copy",
            ("module", type(module).__name__),
            ("because", f"{type(error).__name__}: {error}".partition("\n")[0]),
            help="give its class a __deepcopy__, or say that the module itself is to be used: external(…, shared=True)",
        ) from error
