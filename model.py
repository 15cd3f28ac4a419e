"""The networks, their registry, and their checkpoints.

    python model.py                     # print and check every architecture
    python model.py --model mnistnet    # one of them, layer by layer

To add an architecture: write one class, put `@architecture("name")` above it. Training, evaluation, the page and the
tests then know it. Every network takes (n, 1, 28, 28) standardised ink and returns (n, 10) logits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from digits.preprocess import MEAN, STD
from utils import MODELS_DIR, UserError, atomic_path, command

REGISTRY: dict[str, Callable[[], nn.Module]] = {}


def architecture(name: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Register a network class under `name` (class decorator)."""

    def add(cls: type[nn.Module]) -> type[nn.Module]:
        REGISTRY[name] = cls
        return cls

    return add


def create_model(name: str) -> nn.Module:
    """Return a fresh network of the registered architecture `name`; raises `UserError` for an unknown one."""
    if name not in REGISTRY:
        raise UserError(f"there is no architecture '{name}'; choose one of {', '.join(REGISTRY)}")
    return REGISTRY[name]()


@architecture("mnistnet")
class MNISTNet(nn.Sequential):
    """Three blocks of convolution, batch norm, ReLU, pooling and dropout, then three dense layers: 422,474 parameters."""

    def __init__(self) -> None:
        super().__init__(
            *_block(1, 32),  # (n, 32, 14, 14)
            *_block(32, 64),  # (n, 64, 7, 7)
            *_block(64, 128),  # (n, 128, 3, 3)
            nn.Flatten(),  # (n, 1152)
            nn.Linear(1152, 256),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )


def _block(n_in: int, n_out: int) -> list[nn.Module]:
    convolution = nn.Conv2d(n_in, n_out, kernel_size=3, padding=1)
    return [convolution, nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)]


@dataclass
class Checkpoint:
    """What a weights file says about itself: enough to rebuild the network and to interpret its answers."""

    architecture: str
    state: dict[str, Tensor]
    mean: float = MEAN
    std: float = STD
    temperature: float = 1.0  # logits are divided by it before the softmax; fitted on validation data
    thresholds: dict[str, float] = field(default_factory=dict)  # see digits/status.py
    config: dict = field(default_factory=dict)  # the training run's settings
    metrics: dict = field(default_factory=dict)  # validation figures of these weights
    git_commit: str | None = None

    def facts(self) -> dict:
        """Return everything but the weights, as plain JSON values."""
        return {key: value for key, value in asdict(self).items() if key != "state"}


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path` at once (never half a file); `torch.load(path, weights_only=True)` reads it."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.state.items()}
    with atomic_path(path) as temporary:
        torch.save({"model_state_dict": state, **checkpoint.facts()}, temporary)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint; raises `UserError` if it is missing, damaged, or made by something else."""
    path = Path(path)
    if not path.exists():
        raise UserError(f"there are no weights at {path}; train them with: python train.py")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle, zip, EOF and runtime errors alike
        raise UserError(f"{path.name} is not a readable checkpoint ({type(error).__name__})") from None
    if not isinstance(stored, dict) or not isinstance(stored.get("model_state_dict"), dict):
        raise UserError(f"{path.name} holds no model_state_dict; it was not written by train.py")
    known = {key: stored[key] for key in Checkpoint.__dataclass_fields__ if key in stored}
    return Checkpoint(**{"architecture": "mnistnet", **known, "state": stored["model_state_dict"]})


def load_model(path: str | Path) -> tuple[nn.Module, Checkpoint]:
    """Return the network of a checkpoint, in evaluation mode, and the checkpoint itself."""
    checkpoint = load_checkpoint(path)
    model = create_model(checkpoint.architecture)
    try:
        model.load_state_dict(checkpoint.state)
    except RuntimeError:
        raise UserError(f"the weights in {Path(path).name} do not fit the architecture '{checkpoint.architecture}'") from None
    return model.eval(), checkpoint


def weights_path(name_or_path: str | Path) -> Path:
    """Return the weights file of a registered name (the shipped one), or the path itself."""
    name = str(name_or_path)
    if name == "mnistnet":
        return MODELS_DIR / "mnist_cnn_best.pth"
    return MODELS_DIR / f"{name}.pth" if name in REGISTRY else Path(name)


class InkToLogits(nn.Module):
    """A network that takes raw ink: uint8 (n, 28, 28) -> (n, 10) logits. The form that is exported to ONNX."""

    def __init__(self, model: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.model, self.mean, self.std = model, mean, std

    def forward(self, ink: Tensor) -> Tensor:
        return self.model((ink.float().unsqueeze(1) / 255.0 - self.mean) / self.std)


def export_onnx(checkpoint_path: str | Path, onnx_path: str | Path | None = None) -> Path:
    """Write the ONNX twin of a checkpoint (beside it by default): uint8 ink (n, 28, 28) in, logits (n, 10) out.

    The checkpoint's facts travel in the file's metadata under "checkpoint", with the SHA-256 of the weights file.
    """
    import onnx

    model, checkpoint = load_model(checkpoint_path)
    onnx_path = Path(onnx_path or Path(checkpoint_path).with_suffix(".onnx"))
    wrapped = InkToLogits(model, checkpoint.mean, checkpoint.std).eval()
    example = torch.zeros(2, 28, 28, dtype=torch.uint8)
    program = torch.onnx.export(
        wrapped, (example,), input_names=["ink"], output_names=["logits"],
        dynamic_shapes={"ink": {0: torch.export.Dim("n")}}, dynamo=True, verbose=False,
    )  # fmt: skip
    proto = program.model_proto
    facts = checkpoint.facts() | {"weights_sha256": sha256(checkpoint_path)}
    onnx.helper.set_model_props(proto, {"checkpoint": json.dumps(facts)})
    with atomic_path(onnx_path) as temporary:
        onnx.save(proto, temporary)
    return onnx_path


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def n_parameters(model: nn.Module) -> int:
    """Return how many numbers training can change."""
    return sum(parameter.numel() for parameter in model.parameters())


def describe(name: str) -> str:
    """Return a table of the leaf layers of `name`, their output shapes and parameter counts."""
    model = create_model(name).eval()
    rows: list[tuple[str, str, int]] = []

    def note(layer: nn.Module, _inputs: tuple, output: Tensor) -> None:
        rows.append((repr(layer), str(tuple(output.shape)), n_parameters(layer)))

    leaves = [layer for layer in model.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(note) for layer in leaves]
    with torch.no_grad():
        logits = model(torch.zeros(1, 1, 28, 28))
    for hook in hooks:
        hook.remove()
    if logits.shape != (1, 10):
        raise UserError(f"{name} returns {tuple(logits.shape)} for one picture; it must return (1, 10)")
    total = n_parameters(model)
    width = max(len(row[0]) for row in rows)
    lines = [f"{layer:<{width}}  {shape:<18}{count:>10,}" for layer, shape, count in rows]
    return "\n".join([f"{name}: {total:,} parameters, {total * 4 / 2**20:.2f} MB as float32", *lines])


@command
def main(argv: list[str] | None = None) -> int:
    """Print and check one architecture or all of them."""
    parser = argparse.ArgumentParser(
        description="Print and check the architectures.",
        epilog="examples:\n  python model.py\n  python model.py --model mnistnet",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", nargs="+", default=list(REGISTRY), metavar="NAME", help=", ".join(REGISTRY))
    arguments = parser.parse_args(argv)
    for name in arguments.model:
        print(describe(name), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
