"""Make the index of training pictures from which the page shows those that the network takes for most alike.

    MNIST_DATA_DIR=data python assets/make_nearest.py         # writes models/mnist_cnn_best.nearest.npz

It belongs to the weights it was made with, so make it again after every training; the page shows none of other weights.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

if not __package__:  # `python assets/make_nearest.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from digits.command import command
from digits.files import sha256
from digits.learning.datasets import load_mnist, split
from digits.measuring.explain import Explainer
from digits.measuring.nearest import Nearest, index_path
from digits.weights import weights_path
from model import load_model

PER_DIGIT = 400


def choose(labels: np.ndarray, per_digit: int) -> np.ndarray:
    """Return the places of `per_digit` training pictures of each digit, always the same."""
    training, _validation = split(labels)
    order = np.random.default_rng(0).permutation(training)
    return np.concatenate([order[labels[order] == digit][:per_digit] for digit in range(10)])


@command
def main(argv: list[str] | None = None) -> int:
    """Write the index of the default network."""
    parser = argparse.ArgumentParser(description="Make the index of training pictures for the page.")
    parser.add_argument("--model", default="mnistnet", metavar="NAME")
    weights = weights_path(parser.parse_args(argv).model)
    network, checkpoint = load_model(weights)
    ink, labels = load_mnist(train=True)
    chosen = choose(labels, PER_DIGIT)
    hidden = Explainer(network, checkpoint.facts()).hidden(ink[chosen])
    path = index_path(weights)
    Nearest.of(ink[chosen], labels[chosen], hidden, sha256(weights)).save(path)
    print(f"{path}: {len(chosen):,} pictures, {path.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
