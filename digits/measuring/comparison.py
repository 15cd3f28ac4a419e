"""Is a new network worse than the one that is served? One rule for every training, McNemar's test on held-out pictures.

    decision = decide(new, served, ["mnist", "my_digits"], n_validation=12_000)    # predictors
    decision.is_good, decision.why             # False, "worse on my_digits"

A digit is read right if it is given; what is `NO_DIGIT`, if it is not called ok. The more sets are compared,
the likelier chance alone makes one of them seem worse. So the p-values are corrected for their number by Holm's
step-down procedure (Holm 1979, Scandinavian Journal of Statistics 6, 65–70), which holds however the sets depend on
each other: of networks that are as good as the one served, at most one in twenty is refused, however many the sets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digits.command import UserError
from digits.files import sha256
from digits.learning.datasets import N_VALIDATION
from digits.learning.gather import GONE, gather_held_out, is_there, parse_name
from digits.learning.trained_on import learnt, note_of
from digits.measuring.metrics import holm, mcnemar_exact
from digits.measuring.runs import read_config
from digits.reading.answer import Predictor
from digits.reading.verdict import NO_DIGIT, NOT_A_DIGIT, OK, judge

LEVEL = 0.05  # of all tests of a comparison together, two-sided
TOGETHER = "together"
Parts = Mapping[str, tuple[np.ndarray, np.ndarray]]  # ink (n, 28, 28) and labels (n,), by the name of the set


@dataclass(frozen=True)
class Comparison:
    """Two networks on one held-out set: how many of its `n` pictures each reads right, and each alone.

    `p` is of this set alone, `corrected` for all that were compared.
    """

    name: str
    n: int
    new: int
    served: int
    newly_right: int
    newly_wrong: int
    p: float
    corrected: float

    @property
    def is_worse(self) -> bool:
        """Whether the new network is worse, and chance alone would hardly make it seem so."""
        return self.newly_wrong > self.newly_right and self.corrected < LEVEL

    def __str__(self) -> str:
        shares = f"{self.new / self.n:8.2%} right, {self.served / self.n:8.2%} before"
        changed = f"{self.newly_right:,} newly right, {self.newly_wrong:,} newly wrong"
        p = f"p = {self.p:.2g}" + (f", {self.corrected:.2g} corrected" if self.corrected != self.p else "")
        return f"  {self.name:<16}{self.n:>7,} pictures: {shares} ({changed}, {p})"


@dataclass(frozen=True)
class Decision:
    """Whether a new network may be served in the place of the other, and why; what was measured, and what could not."""

    is_good: bool
    why: str
    found: Sequence[Comparison] = ()
    missing: Sequence[str] = ()  # data sets that one of them learnt and that are not here

    def lines(self) -> list[str]:
        """Return what was compared and what was not, in lines for people; none if nothing was."""
        lines = [f"Not compared, since it is not here: {', '.join(self.missing)}"] if self.missing else []
        if self.found:
            lines += ["Held-out pictures, read by the new network and by the one served before:", *map(str, self.found)]
        return lines


def decide(
    new: Predictor, served: Predictor, names: Sequence[str], n_validation: int, directory: Path | None = None
) -> Decision:
    """Compare two networks on what neither learnt of the data sets `names`; the new one is good if nowhere worse."""
    try:
        held_out, missing = held_out_by_both(new, served, names, n_validation, directory)
    except UserError as error:
        return Decision(False, f"they could not be compared with those served: {error}")
    found = compare(new, served, held_out)
    worse = [one.name for one in found if one.is_worse]
    why = f"worse on {' and '.join(worse)}" if worse else "no worse on any of these"
    return Decision(not worse, why, found, missing)


def compare(new: Predictor, served: Predictor, held_out: Parts) -> list[Comparison]:
    """Return the comparison on each set of `held_out`, and, of several, on all together."""
    rights = {name: (read_right(new, *part), read_right(served, *part)) for name, part in held_out.items()}
    if len(rights) > 1:
        ours, theirs = zip(*rights.values(), strict=True)
        rights[TOGETHER] = np.concatenate(ours), np.concatenate(theirs)
    tests = [mcnemar_exact(*right) for right in rights.values()]
    corrected = holm([test["p"] for test in tests]).tolist()
    return [
        Comparison(name, len(ours), int(ours.sum()), int(theirs.sum()), test["only_a"], test["only_b"], test["p"], p)
        for (name, (ours, theirs)), test, p in zip(rights.items(), tests, corrected, strict=True)
    ]


def read_right(predictor: Predictor, ink: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (n,) whether each picture of ink (n, 28, 28) is read right; labels (n,) are 0–9, or `NO_DIGIT`."""
    probabilities, scores = predictor.predict_scores(ink)
    judged = zip(probabilities, scores, strict=True)
    statuses = np.array([judge(*one, predictor.thresholds)[0] for one in judged], dtype=object)
    given = (statuses != NOT_A_DIGIT) & (probabilities.argmax(axis=1) == labels)
    return np.where(labels < NO_DIGIT, given, statuses != OK).astype(bool)


# ---------------------------------------------------------------- what to compare on


def held_out_by_both(
    new: Predictor, served: Predictor, names: Sequence[str], n_validation: int, directory: Path | None = None
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], list[str]]:
    """Return the pictures {name: (ink, labels)} that neither network learnt, and the data sets that cannot be had.

    They are of the data sets `names`, of each but `n_validation` images of MNIST at most. Raises `UserError` if
    MNIST is needed and not here, or nothing is left. Where a network learnt "shipped" in MNIST's place, that is not
    fetched to compare on.
    """
    may_fetch = all(parse_name(name)[0] != "shipped" for name in names)
    here = {name: is_there(name, directory, may_fetch) for name in dict.fromkeys(names)}
    missing = [Path(name).name for name, is_here in here.items() if not is_here]
    parts = gather_held_out([name for name, is_here in here.items() if is_here], n_validation, directory)
    notes = [note_of(predictor.engines[0].facts) for predictor in (new, served)]
    kept = {}
    for name, (ink, labels) in parts.items():
        fresh = ~np.any([learnt(note, ink, directory) for note in notes], axis=0)
        if fresh.any():
            kept[name] = ink[fresh], labels[fresh]
    if not kept:
        raise UserError("no picture was held out by both")
    return kept, missing


def sources_of(weights: Path, facts: Mapping[str, Any], runs_dir: Path) -> tuple[list[str], int]:
    """Return what a network learnt, and how much it held out: as its run tells, if that is still here, or its facts.

    Only a run knows where folders lie.
    """
    config, own = facts.get("config") or {}, sha256(weights)
    for best in sorted(runs_dir.glob("*/best.pth")):
        if sha256(best) == own:
            with contextlib.suppress(UserError):  # what the weights know must do then
                config = read_config(best.parent)
    names = [str(name) for name in config.get("dataset", ())]
    return [name for name in names if parse_name(name)[0] not in GONE], int(config.get("validation", N_VALIDATION))
