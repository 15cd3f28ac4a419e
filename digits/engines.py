"""torch and ONNX Runtime behind one door: uint8 ink (n, 28, 28) -> float32 logits (n, 10).

    engine = OnnxEngine("models/mnist_cnn_best.onnx", threads=1)
    engine.logits(ink); engine.facts["temperature"]
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

import numpy as np

from utils import MODELS_DIR, UserError

BATCH = 256  # larger batches gain nothing on a CPU and cost memory
OWN_NAMES = {"mnistnet": "mnist_cnn_best"}  # every other architecture's weights carry its name


def is_path(model: str | os.PathLike) -> bool:
    """Whether a --model is a checkpoint's path rather than a name."""
    return "." in str(model) or os.sep in str(model)


def weights_path(model: str | os.PathLike) -> Path:
    """Return the weights file of a name (the shipped one), or the path itself; it need not exist."""
    return Path(model) if is_path(model) else MODELS_DIR / f"{OWN_NAMES.get(str(model), model)}.pth"


class Engine(Protocol):
    """What a predictor needs of a network, wherever it runs."""

    name: str
    facts: dict

    def logits(self, ink: np.ndarray) -> np.ndarray:
        """Return (n, 10) float32 logits of uint8 ink (n, 28, 28)."""
        ...


class OnnxEngine:
    """Runs an exported network with ONNX Runtime on the CPU: about three times eager torch, without importing it."""

    name = "onnx"

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        import onnxruntime

        path = Path(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Spinning threads starve the threads that decode pictures.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            # Its bytes, not its path: with LANG=C, ONNX Runtime takes no path with an umlaut.
            network = path.read_bytes()
            self._session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
            self.facts = json.loads(self._session.get_modelmeta().custom_metadata_map["checkpoint"])
        except Exception as error:  # ONNX Runtime has a dozen exceptions of its own, with no common base
            why = type(error).__name__
            raise UserError(f"{path.name} is not a network exported by model.py --export ({why})") from None

    def logits(self, ink: np.ndarray) -> np.ndarray:
        """Return (n, 10) float32 logits of uint8 ink (n, 28, 28)."""
        parts = [self._session.run(None, {"ink": ink[i : i + BATCH]})[0] for i in range(0, len(ink), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, 10), np.float32)


class TorchEngine:
    """Runs a torch network; `model` takes standardised ink (n, 1, 28, 28)."""

    name = "torch"

    def __init__(self, model, facts: dict, device: str = "cpu", threads: int | None = None) -> None:
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
                batch = (batch.float().unsqueeze(1) / 255.0 - facts["mean"]) / facts["std"]
                parts.append(self.model(batch).float().cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, 10), np.float32)
