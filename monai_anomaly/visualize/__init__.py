# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Every figure, in one style."""

from __future__ import annotations

from .case_figure import case_figure
from .chest_figure import chest_figure
from .curves_figure import curves_figure
from .difference_comparison_figure import difference_comparison_figure
from .ellipses_figure import ellipse_figure
from .examples_figure import examples_figure
from .panel_figure import panel_figure, pick_slices
from .phantom_figure import phantom_figure, uniqueness_figure
from .segmentation_figure import segmentation_figure
from .uncertainty_comparison_figure import uncertainty_comparison_figure

__all__ = [
    "case_figure",
    "chest_figure",
    "curves_figure",
    "difference_comparison_figure",
    "ellipse_figure",
    "examples_figure",
    "panel_figure",
    "phantom_figure",
    "pick_slices",
    "segmentation_figure",
    "uncertainty_comparison_figure",
    "uniqueness_figure",
]
