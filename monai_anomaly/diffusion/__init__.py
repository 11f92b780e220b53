# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The mathematics of diffusion: schedule, denoiser, grids, solvers and guidance; no I/O, no engine, no
configuration."""

from __future__ import annotations

from .ancestral import ancestral_step, reverse_moments, sample_ancestral
from .denoiser import Denoiser, Prediction, clip_range
from .grids import (
    Grid,
    check_grid,
    karras_grid,
    make_grid,
    respaced_grid,
    round_trip_gaps,
    strided_grid,
    uniform_grid,
)
from .guidance import (
    AreaGuidance,
    ClassifierGuidance,
    Guidance,
    GuidanceOfSome,
    GuidanceSum,
    Guide,
    IntensityGuidance,
    RegressionGuidance,
    ResizeGuidance,
    SegmentationGuidance,
)
from .noise import Noise, NoiseSource, SeededNoise
from .noising import NoisyImages, RandomNoising
from .parametrization import Parametrization
from .schedule import Level, NoiseSchedule
from .solvers import ddim_step, solve, solve_back
from .trajectory import Trajectory

__all__ = [
    "AreaGuidance",
    "ClassifierGuidance",
    "Denoiser",
    "Grid",
    "Guidance",
    "GuidanceOfSome",
    "GuidanceSum",
    "Guide",
    "IntensityGuidance",
    "Level",
    "Noise",
    "NoiseSchedule",
    "NoiseSource",
    "NoisyImages",
    "Parametrization",
    "Prediction",
    "RandomNoising",
    "RegressionGuidance",
    "ResizeGuidance",
    "SeededNoise",
    "SegmentationGuidance",
    "Trajectory",
    "ancestral_step",
    "check_grid",
    "clip_range",
    "ddim_step",
    "karras_grid",
    "make_grid",
    "respaced_grid",
    "reverse_moments",
    "round_trip_gaps",
    "sample_ancestral",
    "solve",
    "solve_back",
    "strided_grid",
    "uniform_grid",
]
