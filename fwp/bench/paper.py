"""The models whose commands the paper's authors published, as values: each with the number of parameters that its code has.

Read in IDSIA/neuraldiffeq-fwp, commit d7c678c, and, for the NRDE, in jambo6/neuralRDEs, from which that code comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fwp.bench.recipes import EIGENWORMS_PUBLISHED, SEPSIS_OI_PUBLISHED, SEPSIS_PUBLISHED, SPEECH_PUBLISHED
from fwp.controls import log_signature, natural_cubic
from fwp.fields import (
    Model,
    direct,
    first,
    first_write,
    from_features,
    increments_only,
    keys_from_increments,
    linear,
    nrde_wiring,
)
from fwp.models import Head, Predictor
from fwp.rules import delta, nrde, tanh_delta
from fwp.training.recipe import Recipe

__all__ = ["PUBLISHED", "Published"]


@dataclass(frozen=True)
class Published:
    """A published model with its sizes."""

    model: Model
    head: Head
    sizes: Mapping[str, int]
    """As `model.build` takes them; `channels` are those of the series, without the time."""
    parameters: int
    """As its code counts them."""
    dead: int = 0
    """Of a linear map that its code owns and never uses; ours has none."""

    def build(self) -> Predictor:
        """The predictor, with parameters drawn from torch's current random state."""
        sizes: dict[str, Any] = dict(self.sizes)
        return Predictor(self.model.build(**sizes), self.head)


def _sizes(recipe: Recipe, **more: int) -> Mapping[str, int]:
    return MappingProxyType({"width": recipe.width, "heads": recipe.heads, **more})


_ENCODED = first_write(at=linear("point -> channel", first))
_WORMS = EIGENWORMS_PUBLISHED

PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "speech/delta-cde": Published(
            delta @ keys_from_increments() @ natural_cubic,
            Head(10, SPEECH_PUBLISHED.hidden),
            _sizes(SPEECH_PUBLISHED, channels=20),
            parameters=77_774,
            dead=1_760,
        ),
        "sepsis/no-oi/delta-cde": Published(
            delta @ from_features(keys_from_increments(value_norm=True), delta) @ natural_cubic,
            Head(1, SEPSIS_PUBLISHED.hidden),
            _sizes(SEPSIS_PUBLISHED, channels=34, feature=5, feature_hidden=256),
            parameters=424_193,
            dead=5_760,
        ),
        "sepsis/oi/delta-cde": Published(
            tanh_delta @ from_features(keys_from_increments(squash=False), tanh_delta) @ natural_cubic,
            Head(1, SEPSIS_OI_PUBLISHED.hidden),
            _sizes(SEPSIS_OI_PUBLISHED, channels=68, feature=7, feature_hidden=256),
            parameters=95_601,
            dead=5_600,
        ),
        "eigenworms/depth-1/delta": Published(
            tanh_delta @ direct(squash=False, initial=_ENCODED) @ log_signature(1, 4),
            Head(5, _WORMS.hidden),
            _sizes(_WORMS, channels=6),
            parameters=86_925,
        ),
        "eigenworms/depth-2/delta": Published(
            tanh_delta @ direct(squash=False, initial=_ENCODED) @ log_signature(2, 4),
            Head(5, _WORMS.hidden),
            _sizes(_WORMS, channels=6),
            parameters=89_781,
        ),
        "eigenworms/depth-1/delta-cde": Published(
            tanh_delta @ increments_only(squash=False, value_norm=True, initial=_ENCODED) @ log_signature(1, 4),
            Head(5, _WORMS.hidden),
            _sizes(_WORMS, channels=6),
            parameters=88_205,
        ),
        "eigenworms/depth-2/nrde": Published(
            nrde @ nrde_wiring() @ log_signature(2, 4),
            Head(5, hidden=0, projection=False),
            MappingProxyType({"channels": 6, "width": 32, "inner": 64}),
            parameters=64_933,
        ),
    }
)
"""By task, variant and model."""
