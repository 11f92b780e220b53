# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

__all__ = ["ImageDistance"]


class ImageDistance(_Loss):
    r"""Mean distance of two batches of images: the identity loss :math:`E\|r_c - G_c(r_c)\|` and the reconstruction
    loss :math:`E\|r_c - G_c(G_{\bar c}(r_c))\|` (thesis ch. 6, eqs. 3 and 6).

    Args:
        kind: ``"mse"``, the mean square, as in the published code of DeScarGAN; ``"norm"``, the Euclidean norm of the
            whole image, as the equations have it; ``"mae"``, the mean absolute difference (StarGAN, Fixed-Point GAN).

    Raises:
        ValueError: when ``kind`` is unknown.

    Example::

        image = torch.zeros(4, 1, 8, 8)
        assert ImageDistance("mae")(image, image + 2) == 2 and ImageDistance("mse")(image, image + 2) == 4
        torch.testing.assert_close(ImageDistance("norm")(image, image + 2), torch.tensor(16.0))
    """

    def __init__(self, kind: str = "mse") -> None:
        super().__init__()
        if kind not in ("mse", "norm", "mae"):
            raise ValueError(f"kind must be 'mse', 'norm' or 'mae', got {kind!r}")
        self.kind = kind

    def forward(self, image: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The distance, a scalar, of images (N, C, ...) and as many others."""
        image, other = image.float(), other.float()
        if self.kind == "mse":
            return F.mse_loss(other, image)
        if self.kind == "mae":
            return F.l1_loss(other, image)
        # the small number keeps the root differentiable where the images are equal
        return ((image - other).flatten(1).square().sum(1) + 1e-12).sqrt().mean()
