# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from .finite import check_numbers

__all__ = ["plane_of"]

FEW = 5
"""Cases; of fewer, neighborhoods say nothing."""


def plane_of(latent: np.ndarray, seed: int = 0) -> tuple[np.ndarray, str]:
    """Latent vectors in the plane, to be drawn: by t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE",
    2008), of less than 5 cases by their principal components.

    Args:
        latent: (N, m).
        seed: of t-SNE.

    Returns:
        (N, 2) float64, and ``"t-SNE"`` or ``"PCA"``.

    Raises:
        DataError: when a value is not finite.

    Example::

        points, name = plane_of(np.random.randn(40, 128))
    """
    check_numbers("latent vectors", latent)
    values = np.asarray(latent, np.float64)
    centered = values - values.mean(0)
    if len(values) >= FEW and np.ptp(values, axis=0).any():
        from sklearn.manifold import TSNE

        start = "pca" if values.shape[1] > 1 else "random"
        tsne = TSNE(perplexity=min(30.0, (len(values) - 1) / 3), init=start, random_state=seed)
        return np.asarray(tsne.fit_transform(values), np.float64), "t-SNE"
    left, size, _ = np.linalg.svd(centered, full_matrices=False)
    components = (left * size)[:, :2]
    return np.pad(components, ((0, 0), (0, 2 - components.shape[1]))), "PCA"
