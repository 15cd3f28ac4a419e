"""The networks, their registry, and their checkpoints.

    python model.py                     # print and check every architecture
    python model.py --model mnistnet    # one of them, layer by layer
    python model.py --export mnistnet   # write the ONNX twin of its weights
    python model.py --publish RUN       # serve a run's weights; "previous" serves those before again

To add an architecture: write one class, put `@architecture("name")` above it. Training, evaluation, the page and the
tests then know it. Every network takes (n, 1, 28, 28) standardised ink and returns (n, 10) logits.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take their time
    from digits.interrupt import quiet_until_main

    quiet_until_main()

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from digits.command import UserError, command, new_parser
from digits.files import atomic_path, sha256
from digits.finding.ink import MEAN, STD, standardise
from digits.measuring.explain import record_outputs
from digits.reading.engines import OnnxEngine
from digits.weights import files_of, find_weights, serve_instead, shipped_models, way_back, weights_path

REGISTRY: dict[str, Callable[[], nn.Module]] = {}


def architecture(name: str, **options: int) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Register a network class, built with these options, under `name` (class decorator)."""

    def add(cls: type[nn.Module]) -> type[nn.Module]:
        REGISTRY[name] = partial(cls, **options)
        return cls

    return add


def create_model(name: str) -> nn.Module:
    """Return a fresh network of the registered architecture `name`; raises `UserError` for an unknown one."""
    if name not in REGISTRY:
        raise UserError(f"there is no architecture '{name}'; choose one of {', '.join(REGISTRY)}")
    return REGISTRY[name]()


@architecture("mnistnet")
class MNISTNet(nn.Sequential):
    """Three blocks of convolution, batch norm, ReLU, pooling, dropout, then three dense layers: 422,474 parameters."""

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


@architecture("modern")
class ModernNet(nn.Sequential):
    """ConvNeXt's blocks (Liu et al. 2022, arXiv:2201.03545) on a small ResNet's stages: 28x28, 14x14, 7x7."""

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), depths: tuple[int, int, int] = (1, 2, 2)) -> None:
        layers: list[nn.Module] = [nn.Conv2d(1, widths[0], 3, padding=1), LayerNorm2d(widths[0])]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if stage:
                layers += [LayerNorm2d(widths[stage - 1]), nn.Conv2d(widths[stage - 1], width, 2, stride=2)]
            layers += [InvertedBottleneck(width) for _ in range(depth)]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(widths[-1]), nn.Linear(widths[-1], 10)]
        super().__init__(*layers, *head)


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of (n, c, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, (n, c, h, w), normalised at every place."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class InvertedBottleneck(nn.Module):
    """x + (depthwise 7x7 -> LayerNorm2d -> 1x1 to four times the width -> GELU -> 1x1 back); keeps (n, c, h, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = LayerNorm2d(width)
        self.widen = nn.Conv2d(width, 4 * width, 1)
        self.act = nn.GELU()
        self.narrow = nn.Conv2d(4 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, (n, c, h, w), and what the block adds to it."""
        return x + self.narrow(self.act(self.widen(self.norm(self.depthwise(x)))))


@architecture("tinyvgg")
class TinyVGG(nn.Sequential):
    """CNN Explainer's network: two blocks of two 3x3 convolutions with ten channels, no padding, max pooling."""

    def __init__(self, width: int = 10) -> None:
        super().__init__(
            nn.Conv2d(1, width, 3),  # (n, 10, 26, 26)
            nn.ReLU(),
            nn.Conv2d(width, width, 3),  # (n, 10, 24, 24)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 10, 12, 12)
            nn.Conv2d(width, width, 3),  # (n, 10, 10, 10)
            nn.ReLU(),
            nn.Conv2d(width, width, 3),  # (n, 10, 8, 8)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 10, 4, 4)
            nn.Flatten(),
            nn.Linear(width * 16, 10),
        )


@architecture("gapcnn")
class GapCNN(nn.Sequential):
    """Three blocks of two Conv-BN-ReLU, pooled to one value a channel (so any picture size does), then 512 and 10."""

    def __init__(self) -> None:
        super().__init__(
            *_double_block(1, 64),  # (n, 64, 14, 14)
            *_double_block(64, 128),  # (n, 128, 7, 7)
            *_double_block(128, 256),  # (n, 256, 3, 3)
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(256, 512, bias=False),
            nn.BatchNorm1d(512),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(512, 10),
        )


def _double_block(n_in: int, n_out: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for n in (n_in, n_out):
        layers += [nn.Conv2d(n, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
    return [*layers, nn.MaxPool2d(2), nn.Dropout(0.25)]


@architecture("plaincnn")
class PlainCNN(nn.Sequential):
    """Three unpadded convolutions of 32, 64 and 128 channels and a dense layer of 128: the textbook's network."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3),  # (n, 32, 26, 26)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 32, 13, 13)
            nn.Conv2d(32, 64, 3),  # (n, 64, 11, 11)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 64, 5, 5)
            nn.Conv2d(64, 128, 3),  # (n, 128, 3, 3)
            nn.ReLU(),
            nn.Flatten(),  # (n, 1152)
            nn.Linear(1152, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )


@architecture("simplecnn3", kernel=3)
@architecture("simplecnn5", kernel=5)
@architecture("simplecnn7", kernel=7)
class SimpleCNN(nn.Sequential):
    """Unpadded Conv-BN-ReLU and nothing else, then one dense layer: M3, M5, M7 of An et al. 2020, arXiv:2008.10400."""

    WIDTHS = {
        3: (32, 48, 64, 80, 96, 112, 128, 144, 160, 176),  # the last map is 8x8
        5: (32, 64, 96, 128, 160),  # 8x8
        7: (48, 96, 144, 192),  # 4x4
    }

    def __init__(self, kernel: int) -> None:
        widths = self.WIDTHS[kernel]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((1, *widths)):
            layers += [nn.Conv2d(n_in, n_out, kernel, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
        side = 28 - len(widths) * (kernel - 1)
        head = [nn.Flatten(), nn.Linear(widths[-1] * side**2, 10, bias=False), nn.BatchNorm1d(10)]
        super().__init__(*layers, *head)


@architecture("resnet50")
class ResNet50(nn.Module):
    """torchvision's ResNet-50 on ink enlarged to 112x112 in three channels; see `prepare_training` for its start."""

    side = 112  # its last map is then 4x4

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet50  # a second to import, which the small networks need not pay

        self.network = resnet50(weights=None, num_classes=10)
        self.frozen: list[nn.Module] = []

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, 10) of standardised ink (n, 1, 28, 28)."""
        x = nn.functional.interpolate(x, size=(self.side, self.side), mode="bilinear", align_corners=False)
        return self.network(x.expand(-1, 3, -1, -1))

    def prepare_training(self) -> str:
        """Load ImageNet's weights and freeze all but the last block and the head; say in a sentence what came of it."""
        from torchvision.models import ResNet50_Weights

        try:
            weights = ResNet50_Weights.IMAGENET1K_V2.get_state_dict(progress=False, check_hash=True)
        except Exception as error:  # urllib, ssl, os, and torch's own RuntimeError for a wrong hash
            return (
                f"ResNet-50's ImageNet weights cannot be downloaded ({type(error).__name__}), so every layer "
                "starts from random weights; connect once, or put them into torch's hub folder, for transfer learning"
            )
        own = {name: value for name, value in weights.items() if not name.startswith("fc.")}
        self.network.load_state_dict(own, strict=False)
        self.freeze()
        return "ResNet-50 starts from ImageNet's weights; its last block and head are trained"

    def freeze(self) -> None:
        """Keep all but the last block and the head from changing, batch statistics included."""
        self.frozen = [part for name, part in self.network.named_children() if name not in ("layer4", "fc")]
        for part in self.frozen:
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> ResNet50:
        """Switch to training as every module does, but for the frozen parts, which stay in evaluation mode."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self


def prepare_training(model: nn.Module) -> str:
    """Give a fresh network the start its class asks for, if it asks for one; return a sentence about it, or ""."""
    prepare = getattr(model, "prepare_training", None)
    return prepare() if callable(prepare) else ""


@dataclass
class Checkpoint:
    """What a weights file says about itself: enough to rebuild the network and to interpret its answers."""

    architecture: str
    state: dict[str, Tensor]
    mean: float = MEAN
    std: float = STD
    temperature: float = 1.0  # logits are divided by it before the softmax; fitted on validation data
    thresholds: dict[str, float] = field(default_factory=dict)  # see digits/reading/verdict.py
    config: dict[str, Any] = field(default_factory=dict)  # the training run's settings
    metrics: dict[str, Any] = field(default_factory=dict)  # validation figures of these weights
    git_commit: str | None = None
    trained_on: dict[str, Any] = field(default_factory=dict)  # see digits/learning/trained_on.py

    def facts(self) -> dict[str, Any]:
        """Return everything but the weights, as plain JSON values."""
        return {key: value for key, value in asdict(self).items() if key != "state"}


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path` at once (never half a file); `torch.load(path, weights_only=True)` reads it."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.state.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:  # of a path, torch would store the random name
        torch.save({"model_state_dict": state, **checkpoint.facts()}, file)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint; raises `UserError` if it is missing, damaged, or made by something else."""
    path = Path(path)
    if not path.exists():
        makers = {weights_path(name).stem: f"run python train.py --model {name}" for name in REGISTRY}
        step = makers.get(path.stem, "name a file such as outputs/runs/RUN/best.pth")
        raise UserError(f"there are no weights at {path}; choose from {', '.join(shipped_models())}, or {step}")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle, zip, EOF and runtime errors alike
        raise UserError(f"{path.name} is not a readable checkpoint ({type(error).__name__})") from None
    if not isinstance(stored, dict) or not isinstance(stored.get("model_state_dict"), dict):
        raise UserError(f"{path.name} holds no model_state_dict; it was not written by train.py")
    known = {key: stored[key] for key in Checkpoint.__dataclass_fields__ if key in stored}
    checkpoint = Checkpoint(**{"architecture": "mnistnet", **known, "state": stored["model_state_dict"]})
    numbers = (checkpoint.mean, checkpoint.std, checkpoint.temperature)
    facts = (checkpoint.thresholds, checkpoint.config, checkpoint.metrics, checkpoint.trained_on)
    if not all(isinstance(n, (int, float)) for n in numbers) or not all(isinstance(fact, dict) for fact in facts):
        raise UserError(f"{path.name} is another program's checkpoint; train.py writes ours")
    return checkpoint


def load_model(path: str | Path) -> tuple[nn.Module, Checkpoint]:
    """Return the network of a checkpoint, in evaluation mode on the CPU, and the checkpoint itself.

    Raises `UserError` as `load_checkpoint` does, or if the weights are those of another architecture.
    """
    checkpoint = load_checkpoint(path)
    model = create_model(checkpoint.architecture)
    try:
        model.load_state_dict(checkpoint.state)
    except (RuntimeError, TypeError, AttributeError):
        name = Path(path).name
        raise UserError(f"the weights in {name} do not fit the architecture '{checkpoint.architecture}'") from None
    return model.eval(), checkpoint


class InkToLogits(nn.Module):
    """A network that takes raw ink: uint8 (n, 28, 28) -> (n, 10) logits. The form that is exported to ONNX."""

    def __init__(self, model: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.model, self.mean, self.std = model, mean, std

    def forward(self, ink: Tensor) -> Tensor:
        """Return logits (n, 10) of ink, uint8 (n, 28, 28)."""
        return self.model(standardise(ink.float().unsqueeze(1) / 255.0, self.mean, self.std))


def export_onnx(checkpoint_path: str | Path, onnx_path: str | Path | None = None) -> Path:
    """Write the ONNX twin of a checkpoint (beside it by default): uint8 ink (n, 28, 28) in, logits (n, 10) out.

    The checkpoint's facts travel in the file's metadata under "checkpoint", with the SHA-256 of the weights file.
    """
    model, checkpoint = load_model(checkpoint_path)
    onnx_path = Path(onnx_path or Path(checkpoint_path).with_suffix(".onnx"))
    wrapped = InkToLogits(model, checkpoint.mean, checkpoint.std).eval()
    example = torch.zeros(2, 28, 28, dtype=torch.uint8)
    facts = {"checkpoint": json.dumps(checkpoint.facts() | {"weights_sha256": sha256(checkpoint_path)})}
    save_onnx(wrapped, example, {"ink": {0: torch.export.Dim("n")}}, "logits", onnx_path, facts)
    return onnx_path


def save_onnx(
    model: nn.Module, example: Tensor, shapes: dict[str, Any], answer: str, path: Path, facts: dict[str, str]
) -> None:
    """Write `model` as ONNX with `facts` as its metadata; `shapes` names its one input and what may vary of it.

    What torch notes besides, at which line of whose folder each step was traced, is left out.
    """
    import onnx
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    program = torch.onnx.export(
        model, (example,), input_names=list(shapes), output_names=[answer],
        dynamic_shapes=tuple(shapes.values()), dynamo=True, verbose=False,
    )  # fmt: skip
    assert program is not None, "torch's newer exporter returns one"
    ClearMetadataAndDocStringPass()(program.model)
    proto = program.model_proto
    onnx.helper.set_model_props(proto, facts)
    with atomic_path(path) as temporary:
        onnx.save(proto, temporary)


def publish(source: str | Path, name: str = "mnistnet") -> str:
    """Serve the weights of a run (its name or folder), of a .pth file, or those served before ("previous").

    What they replace is kept, byte for byte, and is then what was served before. `name` says whose previous weights
    are meant. Returns the architecture. Raises `UserError` before anything is touched.
    """
    weights = find_weights(source, name)
    kind, twin = load_model(weights)[1].architecture, weights.with_suffix(".onnx")
    if not twin.exists() or not OnnxEngine(twin).is_twin_of(weights):
        export_onnx(weights, twin)
    serve_instead(kind, files_of(weights))
    return kind


def n_parameters(model: nn.Module) -> int:
    """Return how many numbers training can change."""
    return sum(parameter.numel() for parameter in model.parameters())


def describe(name: str) -> str:
    """Return a table of the leaf layers of `name`, their output shapes and parameter counts."""
    model = create_model(name).eval()
    leaves = {place: layer for place, layer in model.named_modules() if not list(layer.children())}
    with torch.no_grad(), record_outputs(leaves) as outputs:
        logits = model(torch.zeros(1, 1, 28, 28))
    if logits.shape != (1, 10):
        raise UserError(f"{name} returns {tuple(logits.shape)} for one picture; it must return (1, 10)")
    rows = [
        (repr(leaves[place]), str(tuple(output.shape)), n_parameters(leaves[place]))
        for place, output in outputs.items()
    ]
    total = n_parameters(model)
    width = max(len(layer) for layer, _shape, _count in rows)
    lines = [f"{layer:<{width}}  {shape:<18}{count:>10,}" for layer, shape, count in rows]
    return "\n".join([f"{name}: {total:,} parameters, {total * 4 / 2**20:.2f} MB as float32", *lines])


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Return the command line's flags."""
    parser = new_parser(
        "Print and check the architectures; export weights to ONNX.",
        "python model.py --model mnistnet",
        "python model.py --export mnistnet",
    )
    parser.add_argument("--model", nargs="+", metavar="NAME", help=", ".join(REGISTRY))
    parser.add_argument("--export", nargs="+", metavar="NAME", help="export a name or .pth file to ONNX")
    parser.add_argument("--publish", metavar="RUN", help="serve a run or a .pth file; previous: what was served before")
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> int:
    """Print and check one architecture or all of them, or export or publish weights."""
    arguments = parse_arguments(argv)
    for name in arguments.export or ():
        print(export_onnx(weights_path(name)))
    if arguments.publish:
        name = publish(arguments.publish, arguments.model[0] if arguments.model else "mnistnet")
        hint = f"; to go back: {back}" if (back := way_back(name)) else ""
        print(f"{name} is served with these weights from the next start on{hint}", file=sys.stderr)
        print(weights_path(name))
    if not arguments.export and not arguments.publish:
        _print_descriptions(arguments.model)
    return 0


def _print_descriptions(names: list[str] | None) -> None:
    """Print the layers of each, or, of all of them, a line each and then MNISTNet's layers."""
    if not names:
        print("\n".join(describe(name).splitlines()[0] for name in REGISTRY if name != "mnistnet"), end="\n\n")
    print("\n\n".join(describe(name) for name in names or ["mnistnet"]))


if __name__ == "__main__":
    sys.exit(main())
