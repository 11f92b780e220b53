# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

from ..networks.convert import convert_unet
from ..utils import DataError
from .converted_network import read_checkpoint, write_network

__all__ = ["convert_segmentation"]


def convert_segmentation(checkpoint: str | os.PathLike, out: str | os.PathLike, num_heads: int = 1) -> Path:
    """Convert a checkpoint of the published segmentation code (Diffusion-based-Segmentation) for the bundle diffseg.

    Writes ``model.pt``, the state dict of :class:`~monai_anomaly.networks.nets.MaskDiffusionNet`, and
    ``network.json``, the ``network_def`` that fits it, with the ranges of images and mask (0, 1) and what the network
    predicts (the noise): give it to the bundle as a further ``--config_file``. The order of the image channels is that
    of the data it was trained on; in the published loader T1, T1ce, T2, FLAIR.

    Examples:
        monai-anomaly convert-segmentation emasavedmodel_0.9999_060000.pt published

    Args:
        checkpoint: e.g. emasavedmodel_0.9999_060000.pt or savedmodel060000.pt.
        out: folder to write to.
        num_heads: attention heads; 1 in the published model, the file does not tell.

    Returns:
        Path of ``model.pt``.

    Raises:
        DataError: if the file is missing, is no such checkpoint, or belongs to another task.
    """
    unet, weights = read_checkpoint(checkpoint, convert_unet, num_heads=num_heads)
    image_channels, outputs, classes = unet["in_channels"] - 1, unet["out_channels"], unet["num_class_embeds"]
    if classes is not None:
        raise DataError(f"{checkpoint}: expected a segmentation model, without classes, found one with {classes}")
    if image_channels < 1 or outputs not in (1, 2):
        raise DataError(
            f"{checkpoint}: expected a segmentation model, from at least one image channel and the mask to 1 output (2 "
            f"with a learned variance), found {image_channels + 1} inputs and {outputs} outputs"
        )
    config = {
        "intensity_range": [0.0, 1.0],
        "mask_range": [0.0, 1.0],
        "prediction": "epsilon",
        "network_def": {
            "_target_": "monai_anomaly.networks.nets.MaskDiffusionNet",
            "diffusion": {"_target_": "monai.networks.nets.DiffusionModelUNet", **unet},
            "mask_channels": 1,
            "mask_range": "@mask_range",
            "prediction": "@prediction",
        },
    }
    return write_network(out, config, {"diffusion": weights})
