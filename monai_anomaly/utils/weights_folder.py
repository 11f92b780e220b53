# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

__all__ = ["weights_folder"]


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
