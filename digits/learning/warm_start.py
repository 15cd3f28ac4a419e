"""An exported network to train on: its weights, whose batch norms were folded into the convolutions, and stay frozen.

take_weights(LineNet(), "models/lines.onnx")
freeze_norms(network.train())      # before each epoch: they add what the export made of them, and learn no statistics
mix_in(network, "models/lines.onnx", 0.4)      # at the end: the mean of both forgets less than what was learnt last
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import nn

from digits.command import UserError

Weighted = (nn.Conv1d, nn.Conv2d, nn.Linear)
Norm = (nn.BatchNorm1d, nn.BatchNorm2d)


def take_weights(network: nn.Module, path: str | Path) -> None:
    """Give `network` the weights of an exported one of its kind. Raises `UserError` if it is of another kind."""
    stored = _weights_of(path)
    modules = dict(network.named_modules())
    try:
        for name, module in modules.items():
            if isinstance(module, Weighted):
                _copy(module.weight, stored[f"{name}.weight"])
                if module.bias is not None:
                    _copy(module.bias, stored[f"{name}.bias"])
            elif isinstance(module, Norm):
                parent, _, place = name.rpartition(".")
                folded = f"{parent}.{int(place) - 1}.weight"  # of the convolution before it
                _copy(module.bias, stored[f"{folded}_bias"])
                nn.init.ones_(module.weight)
                module.reset_running_stats()
    except (KeyError, RuntimeError, TypeError):
        raise UserError(
            f"{Path(path).name} is no network of this kind; "
            "models/ has one of each: lines.onnx, pages.onnx, crops.onnx, lookalikes.onnx"
        ) from None


def _copy(to: torch.Tensor, values: np.ndarray) -> None:
    with torch.no_grad():
        to.copy_(torch.from_numpy(np.array(values, np.float32)))


def _weights_of(path: str | Path) -> dict[str, np.ndarray]:
    """Return the weights of an ONNX file by their names, widened if they are stored in fewer bits."""
    import onnx

    try:
        initializers = onnx.load(path).graph.initializer
    except Exception as error:  # protobuf and the file system have many
        raise UserError(f"{path} cannot be opened as a network ({type(error).__name__})") from None
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in initializers}
    found = {}
    for name, values in arrays.items():
        plain = name.removesuffix(".half").removesuffix(".int8")
        found[plain] = values.astype(np.float32) * arrays.get(f"{plain}.scale", 1.0) if values.ndim else values
    return found


def freeze_norms(network: nn.Module) -> None:
    """Keep batch norms from learning statistics."""
    for module in network.modules():
        if isinstance(module, Norm):
            module.eval()


def mix_in(network: nn.Module, path: str | Path, share: float) -> None:
    """Make each weight the mean of itself and, with `share`, of the exported one's (Wortsman et al. 2022, WiSE-FT)."""
    start = deepcopy(network)
    take_weights(start, path)
    with torch.no_grad():
        for weights, earlier in zip(network.parameters(), start.parameters(), strict=True):
            weights.lerp_(earlier, share)
