"""Oja's neuron finds the first principal component of real data, and Sanger's rule the first three (Oja 1982; Sanger 1989).

The key is the data, one sample after the other as a path, and its knots come ever closer: a step that lasts shorter is a smaller
learning rate. The data are the chemical analyses of 178 wines (UCI, shipped with scikit-learn), standardised.

    python examples/principal_components.py
"""

import numpy as np
import torch
from sklearn.datasets import load_wine

from fwp import Control, Projection, Rule, series, solve
from fwp.controls import Kind
from fwp.fields import external, parameter, sigmoid
from fwp.rules import oja_neuron, sanger, x


def wines() -> np.ndarray:
    """Samples × 13 measurements, each of mean 0 and variance 1."""
    values = load_wine().data
    return (values - values.mean(0)) / values.std(0)


def stream(data: np.ndarray, passes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples in random order, again and again, and the time of each: steps fall off as 1/n."""
    generator = np.random.default_rng(seed)
    order = np.concatenate([generator.permutation(len(data)) for _ in range(passes)])
    steps = 4.0 / (100 + np.arange(len(order)))
    return data[order], steps.cumsum()


def learn(rule: Rule, data: np.ndarray, passes: int = 30, seed: int = 0, **sizes: int) -> np.ndarray:
    """The fast weights at the end of the stream, from small random ones."""
    values, times = stream(data, passes, seed)
    identity = torch.nn.Identity()
    key = external(identity, x, "key")  # a slow net without weights: the key is the data
    projection = Projection(k=key, q=key, beta=sigmoid(parameter("head")))  # β = σ(0) = ½
    model = rule @ projection @ Control(Kind.LINEAR, time=False)
    net = model.build(data.shape[1], heads=1, key=data.shape[1], dtype=torch.float64, **sizes)
    field = net(series(torch.from_numpy(values)[None], torch.from_numpy(times)[None]))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        begin = {
            name: torch.randn(state.shape, generator=generator, dtype=torch.float64) / 10
            for name, state in field.initial().items()
        }
        final = solve(field, initial=begin).final[rule.of.name]
    return final[0, 0].numpy()


def components(data: np.ndarray, count: int) -> np.ndarray:
    """The first principal components, a row each, by numpy's eigh."""
    _, vectors = np.linalg.eigh(data.T @ data / len(data))
    return vectors.T[::-1][:count]


def agreement(learned: np.ndarray, meant: np.ndarray) -> np.ndarray:
    """|cos| of the angle between each learned row and its component."""
    return np.abs((learned * meant).sum(-1)) / np.linalg.norm(learned, axis=-1)


def main() -> None:
    """Learn both, and say how near they come."""
    data = wines()
    one = learn(oja_neuron, data)
    three = learn(sanger, data, value=3)
    print(
        f"oja_neuron: |w| = {np.linalg.norm(one):.3f}, |cos| to the first component {agreement(one, components(data, 1)[0]):.4f}"
    )
    for i, cosine in enumerate(agreement(three, components(data, 3))):
        print(f"sanger: |w{i + 1}| = {np.linalg.norm(three[i]):.3f}, |cos| to component {i + 1} {cosine:.4f}")


if __name__ == "__main__":
    main()
