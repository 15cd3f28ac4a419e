"""Augmenting whole batches, against the libraries that do the same: images a second, one thread.

    python -m benchmarks.augmentation           # compares with kornia, too, where that is installed

Each draws for every image its own rotation (12 degrees), translation (1.5 pixels), scale (12 %) and shear (0.15), its
own elastic distortion, or both. torchvision draws once for whatever it is given, so it is given the images one by one.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

if not __package__:  # `python benchmarks/augmentation.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import make_parser, median_seconds, save
from digits.command import command
from digits.learning.augment import USUAL, Augment

N_IMAGES, N_ROUNDS = 256, 9
DEGREES, SHIFT = USUAL["rotation"], USUAL["translation"] / 28
SCALE = (1 - USUAL["scale"], 1 + USUAL["scale"])
SHEAR = math.degrees(math.atan(USUAL["shear"]))
AFFINE = ("rotation", "translation", "scale", "shear")

Change = Callable[[Tensor], Tensor]


def ours() -> dict[str, Change]:
    """Return our changes of a batch (n, 1, 28, 28)."""
    generator = torch.Generator().manual_seed(0)
    names = {"affine": AFFINE, "elastic": ("elastic",), "both": (*AFFINE, "elastic")}
    changes = {kind: Augment({name: USUAL[name] for name in chosen}) for kind, chosen in names.items()}
    return {kind: partial(change, generator=generator) for kind, change in changes.items()}


def torchvision_v2() -> dict[str, Change]:
    """Return torchvision's, image by image."""
    from torchvision.transforms import v2

    affine = v2.RandomAffine(DEGREES, (SHIFT, SHIFT), SCALE, SHEAR, interpolation=v2.InterpolationMode.BILINEAR)
    elastic = v2.ElasticTransform(alpha=20.0, sigma=4.0)
    return {
        "affine": lambda ink: torch.stack([affine(one) for one in ink]),
        "elastic": lambda ink: torch.stack([elastic(one) for one in ink]),
        "both": lambda ink: torch.stack([elastic(affine(one)) for one in ink]),
    }


def kornia() -> dict[str, Change]:
    """Return kornia's, on whole batches."""
    from kornia.augmentation import RandomAffine, RandomElasticTransform

    affine = RandomAffine(DEGREES, (SHIFT, SHIFT), SCALE, SHEAR, p=1.0)
    elastic = RandomElasticTransform(kernel_size=(17, 17), sigma=(4.0, 4.0), alpha=(0.7, 0.7), p=1.0)
    return {"affine": affine, "elastic": elastic, "both": lambda ink: elastic(affine(ink))}


def images_per_s(change: Change, ink: Tensor) -> float:
    """Return the median rate of changing `ink`, (n, 1, 28, 28)."""
    return len(ink) / median_seconds(lambda: change(ink), N_ROUNDS)


@command
def main(argv: list[str] | None = None) -> int:
    """Time each, print the rates and how many times ours is theirs, and write them down."""
    arguments = make_parser(__doc__).parse_args(argv)
    torch.set_num_threads(1)
    ink = torch.rand(N_IMAGES, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    libraries = {"ours": ours, "torchvision": torchvision_v2}
    if importlib.util.find_spec("kornia"):
        libraries["kornia"] = kornia
    rates = {name: {kind: images_per_s(change, ink) for kind, change in make().items()}
             for name, make in libraries.items()}  # fmt: skip
    ratios = {name: {kind: rates["ours"][kind] / rate for kind, rate in rates[name].items()} for name in rates}
    for name in rates:
        print(name, *(f"{kind} {rates[name][kind]:,.0f}/s ({ratios[name][kind]:.1f})" for kind in rates[name]))
    save({"images_per_s": rates, "ours_is_times": ratios}, "augmentation", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
