# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""From a DICOM study to a DICOM segmentation and parametric maps."""

from __future__ import annotations

from .predict_dicom import predict_dicom

__all__ = ["predict_dicom"]
