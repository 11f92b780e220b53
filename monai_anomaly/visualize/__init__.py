# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Every figure, in one style. Figures take arrays, or cases as fields by name, and know nothing of an evaluation."""

from __future__ import annotations

from .case_figures import anomaly_case_figure, segmentation_case_figure
from .classification_case_figure import classification_case_figure
from .comparison_figures import difference_comparison_figure, uncertainty_comparison_figure
from .confusion_figure import confusion_figure
from .curves_figure import curves_figure
from .examples_figures import anomaly_examples_figure, segmentation_examples_figure
from .grid import GridColumn, Outline, draw_grid
from .latent_figure import LatentPoints, latent_figure
from .phantom_figures import phantom_figure, uniqueness_figure
from .picking import find_cases, pick_cases
from .preprocessing_figure import preprocessing_figure
from .reached_figure import reached_value_figure
from .translation_case_figure import translation_case_figure
from .translation_figures import translation_comparison_figure, translation_examples_figure
from .twin_figures import chest_figure, ellipses_figure

__all__ = [
    "GridColumn",
    "LatentPoints",
    "Outline",
    "anomaly_case_figure",
    "anomaly_examples_figure",
    "chest_figure",
    "classification_case_figure",
    "confusion_figure",
    "curves_figure",
    "difference_comparison_figure",
    "draw_grid",
    "ellipses_figure",
    "find_cases",
    "latent_figure",
    "phantom_figure",
    "pick_cases",
    "preprocessing_figure",
    "reached_value_figure",
    "segmentation_case_figure",
    "segmentation_examples_figure",
    "translation_case_figure",
    "translation_comparison_figure",
    "translation_examples_figure",
    "uncertainty_comparison_figure",
    "uniqueness_figure",
]
