"""The networks that look at writing in its surroundings: one reads lines, one finds them, one reads a single digit.

All take grey pictures as uint8, paper and ink in even contrast (see digits/finding/strip.py), and are exported to ONNX.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digits.finding.strip import PAPER
from digits.reading.symbols import SYMBOLS


def _to_input(pictures: Tensor) -> Tensor:
    """Return pictures, uint8 (n, h, w), as the networks take them, (n, 1, h, w): paper 0, full ink about 3."""
    return (pictures.unsqueeze(1).float() - PAPER) / PAPER


def _conv(n_in: int, n_out: int, size: int = 3, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    """A convolution with batch normalisation and ReLU; it keeps the size but for the stride."""
    convolution = nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())


class _Closer(nn.Module):
    """Look once more at what was seen, and add what that shows, at first nothing: (n, c, h, w) -> (n, c, h, w)."""

    def __init__(self, n: int) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(n)
        nn.init.zeros_(norm.weight)
        self.look = nn.Sequential(nn.Conv2d(n, n, 3, padding=1, bias=False), norm)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.look(x))


class _Sideways(nn.Module):
    """Look to both sides along the line, and add what was seen: (n, c, t) -> (n, c, t)."""

    def __init__(self, n: int, dilation: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv1d(n, n, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(n),
            nn.ReLU(),
            nn.Dropout1d(0.1),  # whole channels: a mask of every place costs a sixth of the training
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.look(x)


class LineNet(nn.Module):
    """Strips, uint8 (n, 32, w), to log probabilities (n, w // 2, 19) of the symbols and of "nothing new here".

    Four pairs of convolutions bring the height down to two; five look to both sides, three digits far: 1,930,419
    parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            *(_conv(1, 32, 5, 2), _Closer(32)),  # (n, 32, 16, w // 2)
            *(_conv(32, 64, 3, (2, 1)), _Closer(64)),
            *(_conv(64, 128, 3, (2, 1)), _Closer(128)),
            *(_conv(128, 192, 3, (2, 1)), _Closer(192)),  # (n, 192, 2, w // 2)
            nn.Flatten(1, 2),
        )
        self.join = nn.Sequential(nn.Conv1d(384, 256, 1, bias=False), nn.BatchNorm1d(256), nn.ReLU())
        self.read = nn.Sequential(
            *(_Sideways(256, dilation) for dilation in (1, 2, 4, 8, 16)), nn.Conv1d(256, len(SYMBOLS) + 1, 1)
        )

    def forward(self, strips: Tensor) -> Tensor:
        """Return the log probabilities of every second column."""
        return self.read(self.join(self.look(_to_input(strips)))).transpose(1, 2).float().log_softmax(dim=2)


class PageNet(nn.Module):
    """Pages, uint8 (n, h, w), sides divisible by 32, to logits (n, 2, h // 4, w // 4): numbers, and other writing.

    A U-Net (Ronneberger et al. 2015) that halves the page five times: what it says of a place depends on some hundred
    pixels around.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (24, 40, 56, 64)
        self.enter = nn.Sequential(_conv(1, 16, 5, 2), _conv(16, widths[0], 3, 2), _conv(widths[0], widths[0]))
        pairs = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList(nn.Sequential(_conv(a, b, 3, 2), _conv(b, b)) for a, b in pairs)
        self.up = nn.ModuleList(_conv(b + a, a) for a, b in pairs)
        self.say = nn.Conv2d(widths[0], 2, 1)

    def forward(self, pages: Tensor) -> Tensor:
        """Return the logits of every fourth pixel of every fourth row."""
        seen = [self.enter(_to_input(pages))]
        for down in self.down:
            seen.append(down(seen[-1]))
        x = seen.pop()
        for up in reversed(self.up):
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), seen.pop()], dim=1))
        return self.say(x)


class _Residual(nn.Module):
    """Two convolutions beside a short cut, halving the sides if `stride` is 2 (He et al. 2015)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(n_in, n_out, 3, stride)
        self.second = nn.Sequential(nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out))
        self.short = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.first(x)) + self.short(x))


class CropNet(nn.Module):
    """Crops, uint8 (n, 48, 48), to logits (n, 10) of the digit in the middle, whatever stands beside it.

    As in the other networks that read single digits, "no digit" is an eleventh logit that is always 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            _conv(1, 32, 3, 2), _Residual(32, 48, 1), _Residual(48, 80, 2), _Residual(80, 128, 2)
        )  # (n, 128, 6, 6)
        self.answer = nn.Sequential(nn.Dropout(0.2), nn.Flatten(), nn.Linear(128 * 36, 10))

    def forward(self, crops: Tensor) -> Tensor:
        """Return the logits of the ten digits."""
        return self.answer(self.look(_to_input(crops)))


class LookalikeNet(nn.Module):
    """Ink, uint8 (n, 28, 28), to (n,) log odds that it is a digit, and nothing that looks like one: 30,129 parameters.

    What it sees anywhere counts as much as what it sees on average: one corner tells a house from a 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(_conv(1, 16, 5, 2), _conv(16, 24), _conv(24, 40, 3, 2), _conv(40, 48))
        self.answer = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * 48, 1))

    def forward(self, ink: Tensor) -> Tensor:
        """Return the log odds of each being a digit."""
        x = self.look(ink.float().unsqueeze(1) / 255)
        return self.answer(torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)).squeeze(1)
