# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Small helpers without knowledge of networks."""

from __future__ import annotations

from .affines import check_voxel_size, corner_distance, voxel_size
from .checkpoint_file import check_finite, check_floating, load_tensors, verify_file
from .class_label import class_label
from .class_logits import check_class_logits
from .entropy import binary_entropy
from .errors import DataError, OutputError, describe, known_cause
from .files import atomic_path, atomic_torch_save, atomic_write, check_writable
from .interior import interior
from .labels import are_labels, label_type, whole_labels
from .model_record import file_digest, read_model_record, write_model_record
from .nifti import ALIGNED, MNI, NiftiGeometry, read_geometry, write_nifti
from .paths import as_path, same_folder
from .precision import autocast_dtype
from .provenance import provenance
from .scaling_warning import SATURATED, SCALING_WARNING, ScalingWarning, scaling_note, summarize_scaling
from .seeds import hashed_seed
from .segmentation_layout import MAPS, split_prediction
from .suffixes import NIFTI, SUFFIXES, is_image, split_suffix
from .walk import files_in, image_files, walk

__all__ = [
    "ALIGNED",
    "MAPS",
    "MNI",
    "NIFTI",
    "SATURATED",
    "SCALING_WARNING",
    "SUFFIXES",
    "DataError",
    "NiftiGeometry",
    "OutputError",
    "ScalingWarning",
    "are_labels",
    "as_path",
    "atomic_path",
    "atomic_torch_save",
    "atomic_write",
    "autocast_dtype",
    "binary_entropy",
    "check_class_logits",
    "check_finite",
    "check_floating",
    "check_voxel_size",
    "check_writable",
    "class_label",
    "corner_distance",
    "describe",
    "file_digest",
    "files_in",
    "hashed_seed",
    "image_files",
    "interior",
    "is_image",
    "known_cause",
    "label_type",
    "load_tensors",
    "provenance",
    "read_geometry",
    "read_model_record",
    "same_folder",
    "scaling_note",
    "split_prediction",
    "split_suffix",
    "summarize_scaling",
    "verify_file",
    "voxel_size",
    "walk",
    "whole_labels",
    "write_model_record",
    "write_nifti",
]
