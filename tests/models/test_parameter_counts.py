"""The published models, built from our values, have the parameters that their code counts, part by part."""

from collections import Counter

import pytest

from fwp.bench.paper import PUBLISHED

PARTS = {
    "speech/delta-cde": [1_760, 160, 6_804, 1_760, 6_480, 6_480, 51_600, 160, 810],
    "sepsis/no-oi/delta-cde": [
        *(5_760, 320, 30_912, 5_760, 320, 25_760, 25_760, 25_760, 205_600, 320, 161),
        *(1_536, 90_464),
    ],
    "sepsis/oi/delta-cde": [5_600, 160, 7_776, 5_600, 6_480, 6_480, 10_384, 160, 81, 2_048, 45_232],
    "eigenworms/depth-1/delta": [1_024, 256, 35_088, 56, 16_512, 16_512, 16_576, 256, 645],
    "eigenworms/depth-2/delta": [3_712, 256, 35_088, 224, 16_512, 16_512, 16_576, 256, 645],
    "eigenworms/depth-1/delta-cde": [1_024, 256, 18_576, 1_024, 256, 16_512, 56, 16_512, 16_512, 16_576, 256, 645],
    "eigenworms/depth-2/nrde": [2_112, 4_160, 58_240, 256, 165],
}
"""Each linear map or norm with its bias; maps that the published code computes side by side are one part there."""

TOGETHER = {
    "k_linear": "slots of the encoder",
    "beta_linear": "slots of the encoder",
    "initial_k_linear": "first write",
    "initial_v_linear": "first write",
    "initial_beta_linear": "first write",
    "block.widen": "block",
    "block.narrow": "block",
}


def part(name: str, together: dict[str, str]) -> str:
    """The part of the published model that a parameter belongs to; A_in and b_in are one linear map."""
    owner = name.removeprefix("net.layers.0.slow.steps.").rpartition(".")[0]
    return together.get(owner, owner.removeprefix("A_").removeprefix("b_"))


@pytest.mark.users
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_model_has_its_number_of_parameters(name: str) -> None:
    published = PUBLISHED[name]
    assert sum(p.numel() for p in published.build().parameters()) + published.dead == published.parameters


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_part_of_a_published_model_has_its_number_of_parameters(name: str) -> None:
    together = TOGETHER | ({"v_linear": "slots of the encoder"} if name.endswith("/delta") else {})
    sizes: Counter[str] = Counter()
    for own, parameter in PUBLISHED[name].build().named_parameters():
        sizes[part(own, together)] += parameter.numel()
    assert sorted(sizes.values()) == sorted(PARTS[name])
