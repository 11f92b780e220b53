# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic set of DeScarGAN: a healthy image has two ellipses, in a diseased one the smaller is shrunk."""

from __future__ import annotations

from .dataset import write_ellipses
from .geometry import Ellipse, EllipseImage, Scene, deform, draw_scene, make_ellipses, render

__all__ = ["Ellipse", "EllipseImage", "Scene", "deform", "draw_scene", "make_ellipses", "render", "write_ellipses"]
