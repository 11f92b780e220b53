# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

__all__ = ["threshold_place", "weights_folder"]


def weights_folder(bundle_root: str, variant: str | None = None, name: str = "model") -> str:
    """The folder of a bundle whose weights are used: of a training, where there was one, or else those it came with.

    Args:
        bundle_root: folder of the bundle; a training writes to ``trained``, what it came with is in ``models``.
        variant: folder in them of a data set or setting; None: they themselves.
        name: of the weights, without ``.pt``.

    Returns:
        ``<bundle_root>/trained`` or ``<bundle_root>/models``, with the variant; the first where neither has weights.
    """
    trained, shipped = ("/".join(filter(None, (bundle_root, folder, variant))) for folder in ("trained", "models"))
    has = [os.path.isfile(f"{folder}/{name}.pt") for folder in (trained, shipped)]
    return shipped if has == [False, True] else trained


def threshold_place(
    ckpt_dir: str, output_dir: str, bundle_root: str, variant: str | None = None, method: str | None = None
) -> str:
    """Where an evaluation writes the threshold that it chose: beside the weights; but that of a comparator, and of the
    weights that the bundle came with, which stay as they are, beside the scores.

    Args:
        ckpt_dir: folder of the weights.
        output_dir: folder of the scores.
        bundle_root: see `weights_folder`.
        variant: see `weights_folder`.
        method: name of a comparator.
    """
    shipped = os.path.realpath(os.path.join(bundle_root, "models", variant or ""))
    beside = method is None and os.path.realpath(ckpt_dir) != shipped
    return f"{ckpt_dir if beside else output_dir}/threshold.json"
