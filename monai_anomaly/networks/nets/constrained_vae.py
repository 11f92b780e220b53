# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.networks.nets import VarAutoEncoder
from torch import nn

from ..layers import image_statistics

__all__ = ["ConstrainedVAE"]


class ConstrainedVAE(nn.Module):
    """A variational autoencoder that encodes its reconstruction again, for `ConstrainedVAELoss`.

    Source: Chen & Konukoglu (https://arxiv.org/abs/1806.04972): an image and its reconstruction shall have the same
    code, so that an image with a lesion is mapped near its healthy version. It adds no weights to the autoencoder.

    Batch normalization does not count the reconstructions into its running statistics: at inference only images come.

    Args:
        autoencoder: MONAI's ``VarAutoEncoder``, with ``use_mean_at_inference=True`` to reconstruct the mean code.

    Example::

        network = ConstrainedVAE(VarAutoEncoder(2, (1, 16, 16), 1, 8, channels=(4, 8), strides=(2, 2)))
        reconstruction, mean, log_variance, code, again = network(torch.rand(2, 1, 16, 16))
    """

    def __init__(self, autoencoder: VarAutoEncoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Reconstruct images (N, C, ...).

        Returns:
            What ``VarAutoEncoder`` does, the reconstruction (N, C, ...), mean, log-variance and sample (N, J) of the
            code; then the mean code of the reconstruction (N, J).
        """
        reconstruction, mean, log_variance, code = self.autoencoder(x)
        if self.training:
            with image_statistics(self.autoencoder):
                again, _ = self.autoencoder.encode_forward(reconstruction)
        else:
            again, _ = self.autoencoder.encode_forward(reconstruction)
        return reconstruction, mean, log_variance, code, again
