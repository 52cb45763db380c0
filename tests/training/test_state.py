import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fwp.errors import FormatError
from fwp.training.state import SafetensorsIO, load_tree, save_tree


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


def test_a_tree_comes_back_as_it_was(tmp_path: Path) -> None:
    tensor = torch.randn(3, 4)
    tree = {
        "optimizer": {0: {"step": torch.tensor(3.0), "exp_avg": tensor.double()}, 1: {}},
        "shared": [tensor, tensor, tensor.T],
        "odd": (0.1, 1 / 3, math.inf, -math.inf, math.nan, -0.0, None, True, 2**70, "dict", ()),
        "dict": {"tensor": "0", "list": []},
        "half": torch.randn(2).bfloat16(),
        "empty": torch.empty(0, 2, dtype=torch.int64),
    }
    save_tree(tmp_path / "s", tree)
    assert same(load_tree(tmp_path / "s"), tree)


def test_only_plain_values_are_kept(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Path"):
        save_tree(tmp_path / "s", {"a": tmp_path})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["short", "empty", "text", "other", "missing"])
def test_damage_is_said(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "s"
    save_tree(file, {"a": torch.zeros(100)})
    match damage:
        case "short":
            file.write_bytes(file.read_bytes()[:-10])
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_text("no safetensors")
        case "other":
            save_file({"a": torch.zeros(1)}, file, {"tree": '{"dict": [["a", {"tensor": "b"}]]}'})
        case _:
            file.unlink()
    with pytest.raises(FormatError, match="cannot be read"):
        load_tree(file)


def test_lightning_sees_a_checkpoint_io(tmp_path: Path) -> None:
    plugin, file = SafetensorsIO(), tmp_path / "s"
    plugin.save_checkpoint({"epoch": 1}, file)
    assert plugin.load_checkpoint(file) == {"epoch": 1}
    plugin.remove_checkpoint(file)
    plugin.remove_checkpoint(file)
    assert not file.exists()
