# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic set of DeScarGAN: a healthy image has two ellipses, in a diseased one the smaller is shrunk."""

from __future__ import annotations

from .dataset import write_ellipses
from .geometry import EllipseImage, make_ellipses

__all__ = ["EllipseImage", "make_ellipses", "write_ellipses"]
