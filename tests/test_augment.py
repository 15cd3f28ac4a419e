"""Every augmentation keeps shape and range, changes something, repeats for the same generator, and leaves its input."""

from __future__ import annotations

import pytest
import torch

from digits.command import UserError
from digits.learning.augment import RECIPES, USUAL, Augment, gallery, parse

NAMES = [name for name in USUAL if name != "mixup"]


@pytest.fixture
def ink() -> torch.Tensor:
    """Eight rings, (8, 1, 28, 28) in 0–1."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    radius = ((x - 13.5) ** 2 + 2 * (y - 13.5) ** 2).sqrt()
    return (1 - (radius - 9).abs() / 2).clamp(0, 1).expand(8, 1, 28, 28).clone()


@pytest.mark.parametrize("name", NAMES)
def test_each_augmentation(name, ink):
    before = ink.clone()
    once, again = (Augment({name: USUAL[name]})(ink, torch.Generator().manual_seed(3)) for _ in range(2))
    assert once.shape == ink.shape
    assert once.min() >= 0
    assert once.max() <= 1
    assert torch.equal(once, again)
    assert torch.equal(ink, before)
    assert not torch.equal(once, ink)


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_keeps_most_of_the_ink(recipe, ink):
    augmented = Augment(RECIPES[recipe])(ink, torch.Generator().manual_seed(0))
    assert 0.6 < augmented.mean() / ink.mean() < 1.5


def test_no_augmentation_changes_nothing(ink):
    assert torch.equal(Augment({})(ink, torch.Generator()), ink)


def test_translation_moves_the_centre_by_no_more_than_asked(ink):
    moved = Augment({"translation": 2.0})(ink, torch.Generator().manual_seed(1))
    at = torch.arange(28.0)
    centres = (moved.sum(dim=(1, 2)) * at).sum(dim=1) / moved.sum(dim=(1, 2, 3))
    assert (centres - 13.5).abs().max() <= 2.05
    assert (centres - 13.5).abs().max() > 0.3


def test_words_become_strengths():
    expected = RECIPES["light"] | {"rotation": 5.0, "erasing": USUAL["erasing"]}
    assert parse(["light", "rotation=5", "erasing"]) == expected


@pytest.mark.parametrize(("word", "says"), [("wobble", "choose from"), ("rotation=much", "needs a number")])
def test_a_wrong_word_is_one_sentence(word, says):
    with pytest.raises(UserError, match=says):
        parse([word])


def test_the_gallery_shows_every_augmentation(ink):
    assert list(gallery(ink)) == list(USUAL)
