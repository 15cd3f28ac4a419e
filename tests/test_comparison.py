"""When a new network may be served: several sets together do not refuse by chance what one of them would not."""

from __future__ import annotations

import numpy as np
import pytest

from digits.files import write_json
from digits.measuring.comparison import TOGETHER, compare, decide, sources_of
from digits.measuring.metrics import holm


class SaysWhatIsWritten:
    """A network that answers with the value of the ink's pixel at `place`, surely."""

    def __init__(self, place: int) -> None:
        self.place, self.thresholds, self.engines = place, {}, []

    def predict_scores(self, ink):
        return np.eye(10, dtype=np.float32)[ink[:, 0, self.place]], np.full(len(ink), 20.0)


NEW, SERVED = SaysWhatIsWritten(0), SaysWhatIsWritten(1)


def pictures(newly_wrong: int, newly_right: int, both_right: int = 40):
    """Return ink and labels of threes, of which the two networks read so many differently."""
    n = newly_wrong + newly_right + both_right
    ink = np.zeros((n, 28, 28), np.uint8)
    ink[:, 0, :2] = 3
    ink[:newly_wrong, 0, 0] = ink[newly_wrong : newly_wrong + newly_right, 0, 1] = 5
    return ink, np.full(n, 3)


def worse(**changes: tuple[int, int]) -> list[str]:
    found = compare(NEW, SERVED, {name: pictures(*change) for name, change in changes.items()})
    return [one.name for one in found if one.is_worse]


def test_four_sets_at_three_per_cent_do_not_refuse_a_run_and_one_at_a_tenth_does():
    """Six newly wrong and none newly right are p = 0.03, eleven p = 0.001."""
    assert worse(a=(6, 0), b=(6, 0), c=(0, 6), d=(0, 6)) == []
    assert worse(a=(11, 0), b=(6, 0), c=(0, 6), d=(0, 11)) == ["a"]


def test_one_set_alone_is_refused_at_five_per_cent():
    assert worse(a=(6, 0)) == ["a"] and worse(a=(5, 0)) == [] and worse(a=(0, 20)) == []


def test_a_little_worse_everywhere_is_worse_together():
    assert worse(a=(6, 0), b=(6, 0), c=(6, 0), d=(6, 0)) == [TOGETHER]


def test_the_line_shows_both_p_values():
    a, *_others, together = compare(NEW, SERVED, {"a": pictures(6, 0), "b": pictures(0, 6)})
    assert "p = 0.031, 0.094 corrected" in str(a) and str(together).endswith("p = 1)")


@pytest.mark.parametrize(
    ("p", "corrected"),
    [
        ([0.03] * 4, [0.12] * 4),
        ([0.001, 0.03, 0.03, 0.03], [0.004, 0.09, 0.09, 0.09]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # as R's p.adjust has it
        ([0.6, 0.7], [1.0, 1.0]),
        ([0.2], [0.2]),
        ([], []),
    ],
)
def test_holm_by_hand(p, corrected):
    assert holm(p) == pytest.approx(corrected)


def test_holm_refuses_one_in_twenty_where_there_is_nothing():
    p = np.random.default_rng(0).uniform(size=(4000, 5))
    refused = np.mean([holm(row).min() < 0.05 for row in p])
    assert 0.035 < refused < 0.06 and (p.min(axis=1) < 0.05).mean() > 0.2


# ---------------------------------------------------------------- what is compared


def test_a_data_set_that_nobody_has_any_more_is_not_asked_for(tmp_path):
    weights = tmp_path / "best.pth"
    weights.write_bytes(b"weights")
    facts = {"config": {"dataset": ["mnist", "segments", "segments=500", "mine"], "validation": 5000}}
    assert sources_of(weights, facts, tmp_path / "runs") == (["mnist", "mine"], 5000)
    assert sources_of(weights, {}, tmp_path / "runs") == ([], 12_000)


def test_only_its_run_knows_where_a_folder_lies(tmp_path):
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "best.pth").write_text(name)
        write_json(tmp_path / name / "config.json", {"dataset": [f"/somewhere/{name}"], "validation": 7})
    facts = {"config": {"dataset": ["mine"], "validation": 5}}
    assert sources_of(tmp_path / "mine" / "best.pth", facts, tmp_path) == (["/somewhere/mine"], 7)


def test_what_is_missing_is_named_once(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.learning.cache.OUTPUTS_DIR", tmp_path)
    new, served = SaysWhatIsWritten(0), SaysWhatIsWritten(1)
    for reader in (new, served):
        reader.engines = [type("Engine", (), {"facts": {}})]
    decision = decide(new, served, ["bundled", "gone", "gone", "/no/such/folder"], 100)
    assert decision.is_good and decision.lines()[0] == "Not compared, since it is not here: gone, folder"
