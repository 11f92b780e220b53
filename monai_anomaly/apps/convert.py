# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

from ..networks.convert import convert_encoder, convert_unet
from ..utils import DataError
from .converted_network import read_checkpoint, write_network

__all__ = ["convert"]


def convert(
    diffusion: str | os.PathLike,
    classifier: str | os.PathLike,
    out: str | os.PathLike,
    num_heads: int = 1,
    classifier_head_channels: int = 64,
    classifier_res_blocks: int | None = None,
) -> Path:
    """Convert a published pair of checkpoints (diffusion-anomaly, guided-diffusion) for the bundles.

    Writes ``model.pt``, the state dict of :class:`~monai_anomaly.networks.nets.GuidedDiffusionNet`, and
    ``network.json``, the ``network_def`` that fits it: give it to the bundle as a further ``--config_file``. Each file
    is written whole or not at all. The defaults are those of the published models; the files do not tell them.

    Examples:
        monai-anomaly convert emabrats2update_0.9999_050000.pt modelbratsclass020000.pt published

    Args:
        diffusion: checkpoint of the denoiser, e.g. emabrats2update_0.9999_050000.pt.
        classifier: checkpoint of the classifier, e.g. modelbratsclass020000.pt.
        out: folder to write to.
        num_heads: attention heads of the denoiser.
        classifier_head_channels: channels of an attention head of the classifier.
        classifier_res_blocks: residual blocks per level of the classifier; only when the command asks for it.

    Returns:
        Path of ``model.pt``.

    Raises:
        DataError: if a file is missing, is damaged, is no such checkpoint, does not fit (a segmentation model, a
            regressor), or the two take different images.
    """
    unet, unet_weights = read_checkpoint(diffusion, convert_unet, num_heads=num_heads)
    inputs, outputs = unet["in_channels"], unet["out_channels"]
    if outputs not in (inputs, 2 * inputs):
        raise DataError(
            f"{diffusion}: expected a denoiser of images, from {inputs} channels to {inputs} outputs, or {2 * inputs} "
            f"with a learned variance, found {outputs} outputs; for a segmentation model there is convert-segmentation"
        )
    encoder, encoder_weights = read_checkpoint(
        classifier, convert_encoder, num_head_channels=classifier_head_channels, num_res_blocks=classifier_res_blocks
    )
    if inputs != encoder["in_channels"]:
        raise DataError(
            f"{classifier}: expected {inputs} input channels, as {diffusion} has, found {encoder['in_channels']}"
        )
    if encoder["out_channels"] < 2:
        raise DataError(
            f"{classifier}: expected a classifier of at least 2 classes, found 1 output: a regressor, which "
            "cannot guide to a class"
        )
    network_def = {
        "_target_": "monai_anomaly.networks.nets.GuidedDiffusionNet",
        "diffusion": {"_target_": "monai.networks.nets.DiffusionModelUNet", **unet},
        "classifier": {"_target_": "monai_anomaly.networks.nets.NoiseConditionedEncoder", **encoder},
    }
    parts = {"diffusion": unet_weights, "classifier": encoder_weights}
    return write_network(out, {"network_def": network_def}, parts)
