# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.inferers.view import VIEWS, View


@pytest.mark.parametrize("view", VIEWS[8])
def test_what_was_seen_comes_back(view: View) -> None:
    x = torch.rand(2, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(view.undo(view(x)), x)
    assert view(x).shape == ((2, 3, 8, 5) if view.turns % 2 else x.shape)


@pytest.mark.parametrize("view", VIEWS[8])
def test_vectors_turn_with_the_image(view: View) -> None:
    """The slope of what is seen is that of the image, seen."""
    x = torch.rand(1, 1, 7, 9, generator=torch.Generator().manual_seed(0))

    def slope(image: torch.Tensor) -> torch.Tensor:
        return torch.cat([image.roll(-1, axis) - image.roll(1, axis) for axis in (2, 3)], dim=1)

    torch.testing.assert_close(view.undo_vectors(slope(view(x))), slope(x))


@pytest.mark.parametrize("count", VIEWS)
def test_as_many_as_their_number_says_and_all_different(count: int) -> None:
    x = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert len({tuple(view(x).flatten().tolist()) for view in VIEWS[count]}) == len(VIEWS[count]) == count
