"""torch and ONNX Runtime behind one door: uint8 ink (n, 28, 28) -> float32 logits (n, 10).

engine = OnnxEngine("models/mnist_cnn_best.onnx", threads=1)
engine.logits(ink); engine.facts["temperature"]
SurroundingsNetwork("crops").run(crops)        # the networks that look at grey pictures, with ONNX Runtime alone
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from digits.command import UserError
from digits.files import MODELS_DIR, sha256
from digits.finding.ink import standardise

if TYPE_CHECKING:
    from torch import nn

BATCH = 256  # larger batches gain nothing on a CPU and cost memory: of 1024, the maps leave the cache


class Engine(Protocol):
    """What a predictor needs of a network, wherever it runs."""

    name: str
    facts: dict[str, Any]

    def logits(self, ink: np.ndarray) -> np.ndarray:
        """Return (n, 10) float32 logits of uint8 ink (n, 28, 28)."""
        ...


class OnnxEngine:
    """Runs an exported network with ONNX Runtime on the CPU: about three times eager torch, without importing it."""

    name = "onnx"

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        self._session, self.facts = open_session(Path(path), threads, "checkpoint", "model.py --export")

    def is_twin_of(self, weights: Path) -> bool:
        """Whether this network was exported from the weights file as it is now, by the hash noted in it."""
        return self.facts.get("weights_sha256") == sha256(weights)

    def logits(self, ink: np.ndarray) -> np.ndarray:
        """Return (n, 10) float32 logits of uint8 ink (n, 28, 28)."""
        parts = [self._session.run(None, {"ink": ink[i : i + BATCH]})[0] for i in range(0, len(ink), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, 10), np.float32)


class SurroundingsNetwork:
    """One of the networks that look at grey pictures (see learning/networks.py), run with ONNX Runtime.

    `facts` are its training's settings and the file's hash. Raises `UserError` if the file is missing or not ours.
    """

    MAKER = "train_readers.py"

    def __init__(self, name: str, threads: int | None = None, directory: Path = MODELS_DIR) -> None:
        path = directory / f"{name}.onnx"
        if not path.exists():
            raise UserError(f"there is no {path.name}; it comes with the project: git checkout models/{path.name}")
        self._session, settings = open_session(path, threads, "settings", self.MAKER)
        self.facts = {"settings": settings, "sha256": sha256(path)}

    def run(self, pictures: np.ndarray) -> np.ndarray:
        """Return what the network says of pictures, uint8 (n, h, w)."""
        return self._session.run(None, {"pictures": pictures})[0]


def open_session(path: Path, threads: int | None, fact: str, maker: str) -> tuple[Any, dict[str, Any]]:
    """Return an ONNX Runtime session of the network at `path`, and the `fact` (JSON) that `maker` noted in it.

    Raises `UserError` if it is not such a network.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # newer versions report their use to their makers
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"{path.name} is read with onnxruntime; get it with: pip install onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads starve the threads that decode pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # Its bytes, not its path: with LANG=C, ONNX Runtime takes no path with an umlaut.
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        return session, json.loads(session.get_modelmeta().custom_metadata_map[fact])
    except Exception as error:  # ONNX Runtime has a dozen exceptions of its own, with no common base
        raise UserError(f"{path.name} is not a network exported by {maker} ({type(error).__name__})") from None


class TorchEngine:
    """Runs a torch network; `model` takes standardised ink (n, 1, 28, 28)."""

    name = "torch"

    def __init__(
        self, model: nn.Module, facts: dict[str, Any], device: str = "cpu", threads: int | None = None
    ) -> None:
        import torch

        self._torch, self._device, self.facts = torch, device, facts
        self.model = model.to(device).eval()
        if threads:
            torch.set_num_threads(threads)

    def logits(self, ink: np.ndarray) -> np.ndarray:
        """Return (n, 10) float32 logits of uint8 ink (n, 28, 28)."""
        torch, facts = self._torch, self.facts
        parts = []
        with torch.inference_mode():
            for start in range(0, len(ink), BATCH):
                batch = torch.from_numpy(ink[start : start + BATCH]).to(self._device)
                batch = standardise(batch.float().unsqueeze(1) / 255.0, facts["mean"], facts["std"])
                parts.append(self.model(batch).float().cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, 10), np.float32)
