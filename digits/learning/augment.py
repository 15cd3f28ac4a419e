"""Training augmentation, on whole batches: float ink (n, 1, 28, 28) in 0–1 in, the same out.

All geometry (rotation, translation, scale, shear, elastic) is composed into one resampling, since every further one
blurs (benchmarks/augmentation.py compares it with torchvision and kornia). Strengths are the most that can happen; each
image draws its own amount below that. Elastic distortion is after Simard et al. 2003, erasing after Zhong et al. 2017
(arXiv:1708.04896), mixup after Zhang et al. 2018 (arXiv:1710.09412).

    augment = Augment({"rotation": 10, "shear": 0.1, "elastic": 0.8})
    batch = augment(batch, generator)
    python -m digits.learning.augment gallery.png        # every augmentation at its usual strength
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from digits.command import UserError, command
from digits.learning.datasets import load_mnist

# The usual strength of each augmentation, and its unit.
USUAL: dict[str, float] = {
    "rotation": 12.0,  # degrees
    "translation": 1.5,  # pixels
    "scale": 0.12,  # share of the size
    "shear": 0.15,  # horizontal shift per height
    "elastic": 1.0,  # pixels, over a 4x4 grid
    "dilation": 0.6,  # share of a 3x3 maximum mixed in
    "erosion": 0.5,
    "blur": 0.8,  # pixels of sigma
    "gaussian_noise": 0.08,
    "salt_pepper": 0.02,  # share of the pixels
    "erasing": 6.0,  # pixels on a side of the patch
    "mixup": 0.3,  # alpha of the Beta distribution; applied by the training loop, which owns the labels
}
RECIPES: dict[str, dict[str, float]] = {
    "none": {},
    "light": {"rotation": 10.0, "translation": 1.0, "scale": 0.1, "shear": 0.1, "elastic": 0.8},
    "strong": {
        "rotation": 12.0, "translation": 1.5, "scale": 0.12, "shear": 0.2, "elastic": 1.2,
        "dilation": 0.5, "erosion": 0.3, "gaussian_noise": 0.05, "erasing": 5.0,
    },
}  # fmt: skip


def parse(words: list[str]) -> dict[str, float]:
    """Return strengths from words such as "light", "rotation" or "elastic=0.5"; raises `UserError`."""
    strengths: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name in RECIPES:
            strengths |= RECIPES[name]
        elif name in USUAL:
            strengths[name] = _number(word, value) if value else USUAL[name]
        else:
            raise UserError(f"there is no augmentation '{name}'; choose from {', '.join([*RECIPES, *USUAL])}")
    return strengths


def _number(word: str, value: str) -> float:
    try:
        strength = float(value)
    except ValueError:
        strength = math.nan
    if not 0 <= strength < math.inf:
        raise UserError(f"'{word}' needs a number from 0 after the equals sign, such as rotation=10")
    return strength


class Augment:
    """Applies the named augmentations, each with its strength, to a batch. Deterministic given the generator."""

    def __init__(self, strengths: dict[str, float]) -> None:
        self.strengths = strengths

    def __call__(self, ink: Tensor, generator: Generator) -> Tensor:
        """Return the augmented batch, float (n, 1, 28, 28) in about 0–1; the input is not changed."""
        ink = _resample(ink, self.strengths, generator)
        for name, change in PIXELWISE.items():
            if self.strengths.get(name):
                ink = change(ink, self.strengths[name], generator)
        return ink


def _uniform(shape: tuple[int, ...], limit: float, generator: Generator) -> Tensor:
    return (torch.rand(shape, generator=generator, device=generator.device) * 2 - 1) * limit


def _resample(ink: Tensor, strengths: dict[str, float], generator: Generator) -> Tensor:
    limit = {name: strengths.get(name, 0.0) for name in ("rotation", "translation", "scale", "shear", "elastic")}
    if not any(limit.values()):
        return ink
    n, side = len(ink), ink.shape[-1]
    angle = _uniform((n,), math.radians(limit["rotation"]), generator)
    shear = _uniform((n,), limit["shear"], generator)
    scale = 1 + _uniform((n, 2), limit["scale"], generator)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(n, 2, 2)
    theta = torch.zeros(n, 2, 3, device=ink.device)
    theta[:, :, :2] = turn / scale[:, None, :]
    theta[:, :, 1] += turn[:, :, 0] * shear[:, None]
    theta[:, :, 2] = _uniform((n, 2), 2 * limit["translation"] / side, generator)
    grid = F.affine_grid(theta, list(ink.shape), align_corners=False)
    if limit["elastic"]:
        coarse = _uniform((n, 2, 4, 4), 2 * 1.5 * limit["elastic"] / side, generator)
        grid = grid + F.interpolate(coarse, (side, side), mode="bilinear", align_corners=True).permute(0, 2, 3, 1)
    return F.grid_sample(ink, grid, align_corners=False)


def _share(n: int, limit: float, generator: Generator) -> Tensor:
    """Return (n, 1, 1, 1): half of the images get none, the others up to `limit`."""
    draw = torch.rand((n, 1, 1, 1), generator=generator, device=generator.device)
    return (2 * draw - 1).clamp(min=0) * limit


def _dilation(ink: Tensor, strength: float, generator: Generator) -> Tensor:
    return ink + _share(len(ink), strength, generator) * (F.max_pool2d(ink, 3, 1, 1) - ink)


def _erosion(ink: Tensor, strength: float, generator: Generator) -> Tensor:
    return ink + _share(len(ink), strength, generator) * (-F.max_pool2d(-ink, 3, 1, 1) - ink)


def _blur(ink: Tensor, strength: float, generator: Generator) -> Tensor:
    """Mix in a Gaussian of sigma `strength`."""
    offsets = torch.arange(-2, 3, device=ink.device, dtype=ink.dtype)
    weights = torch.exp(-(offsets**2) / (2 * strength**2))
    weights = weights / weights.sum()
    across = F.conv2d(ink, weights.view(1, 1, 1, 5), padding=(0, 2))
    blurred = F.conv2d(across, weights.view(1, 1, 5, 1), padding=(2, 0))
    return ink + _share(len(ink), 1.0, generator) * (blurred - ink)


def _gaussian_noise(ink: Tensor, strength: float, generator: Generator) -> Tensor:
    noise = torch.randn(ink.shape, generator=generator, device=generator.device)
    return (ink + noise * _share(len(ink), strength, generator)).clamp(0, 1)


def _salt_pepper(ink: Tensor, strength: float, generator: Generator) -> Tensor:
    draw = torch.rand(ink.shape, generator=generator, device=generator.device)
    share = _share(len(ink), strength, generator)
    return ink.masked_fill(draw < share / 2, 1.0).masked_fill(draw > 1 - share / 2, 0.0)


def _erasing(ink: Tensor, strength: float, generator: Generator) -> Tensor:
    """Blank one square patch of up to `strength` pixels on a side, in half of the images."""
    n, side = len(ink), ink.shape[-1]
    half = _share(n, strength, generator)[:, 0] / 2  # (n, 1, 1)
    centre = torch.rand((n, 2), generator=generator, device=generator.device) * side
    at = torch.arange(side, device=ink.device) + 0.5
    rows = (at[None, :, None] - centre[:, 0, None, None]).abs() < half
    columns = (at[None, None, :] - centre[:, 1, None, None]).abs() < half
    return ink.masked_fill((rows & columns).unsqueeze(1), 0.0)


PIXELWISE: dict[str, Callable[[Tensor, float, Generator], Tensor]] = {
    "dilation": _dilation,
    "erosion": _erosion,
    "blur": _blur,
    "gaussian_noise": _gaussian_noise,
    "salt_pepper": _salt_pepper,
    "erasing": _erasing,
}


def mix(batch: Tensor, target: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): blend each image and its target with another's."""
    share = float(np.random.beta(alpha, alpha))
    other = torch.randperm(len(batch), device=batch.device)
    return batch.lerp(batch[other], 1 - share), target.lerp(target[other], 1 - share)


def gallery(ink: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """Return {name: augmented copies of `ink` (n, 1, 28, 28)}, one entry an augmentation, at usual strength."""
    names = [name for name in USUAL if name != "mixup"]
    rows = {name: Augment({name: USUAL[name]})(ink, Generator().manual_seed(seed)) for name in names}
    return rows | {"mixup": ink.lerp(ink.roll(1, dims=0), 0.3)}  # of each with its neighbour


@command
def main(argv: list[str] | None = None) -> int:
    """Draw the gallery of all augmentations, a row each, on MNIST training images, to the path given."""
    parser = argparse.ArgumentParser(description="Draw every augmentation at its usual strength.")
    parser.add_argument("path", metavar="FILE", help="the PNG to write")
    path = parser.parse_args(argv).path
    import cv2

    ink = torch.from_numpy(load_mnist(True)[0][:16].copy()).unsqueeze(1) / 255.0
    rows = []
    for name, copies in {"as it is": ink, **gallery(ink)}.items():
        digits = (255 * (1 - np.concatenate(list(copies[:, 0].numpy()), axis=1).clip(0, 1))).astype(np.uint8)
        named = np.full((56, 160), 255, np.uint8)
        cv2.putText(named, name.replace("_", " "), (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
        rows.append(np.concatenate([named, cv2.resize(digits, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)], 1))
    cv2.imwrite(path, np.concatenate(rows))
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
