# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["VIEWS", "View"]


@dataclass(frozen=True)
class View:
    """A symmetry of the plane: quarter turns, then perhaps a mirror along the first spatial axis.

    Args:
        turns: quarter turns, 0 to 3.
        mirrored: whether the mirror follows.
    """

    turns: int = 0
    mirrored: bool = False

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Slices (N, C, H, W) as they are seen; after an odd number of turns (N, C, W, H)."""
        x = torch.rot90(x, self.turns, (2, 3))
        return x.flip(2) if self.mirrored else x

    def undo(self, x: torch.Tensor) -> torch.Tensor:
        """What was seen, as slices (N, C, H, W) again."""
        return torch.rot90(x.flip(2) if self.mirrored else x, -self.turns, (2, 3))

    def undo_vectors(self, u: torch.Tensor) -> torch.Tensor:
        """Vectors (N, 2, H, W), component i along spatial axis i, that were found in what was seen."""
        first, second = self.undo(u).split(1, dim=1)
        first = -first if self.mirrored else first
        for _ in range(self.turns):
            first, second = second, -first
        return torch.cat([first, second], dim=1)


VIEWS = {
    1: (View(),),
    2: (View(), View(mirrored=True)),
    8: tuple(View(turns, mirrored) for turns in range(4) for mirrored in (False, True)),
}
"""By number: the image as it is; with its mirror image; all symmetries of a square."""
