# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Small helpers without knowledge of networks."""

from __future__ import annotations

from .affines import RAS_TO_LPS, UNITS, check_voxel_size, corner_distance, voxel_size
from .checkpoint_file import check_finite, check_floating, load_tensors, verify_file
from .class_label import class_label
from .class_logits import check_class_logits
from .distributed import process_count, process_rank
from .entropy import binary_entropy
from .errors import DataError, OutputError, describe, known_cause
from .failures import latest_failures
from .files import atomic_path, atomic_torch_save, atomic_write, check_writable
from .finite_number import finite_number, read_number
from .frozen import frozen
from .interior import interior
from .json_file import differing_entries, read_json, write_json
from .labels import are_labels, label_type, whole_labels
from .listed import listed
from .model_record import file_digest, read_model_record, write_model_record
from .nifti import ALIGNED, MNI, NiftiGeometry, check_intact, read_geometry, read_nifti, write_nifti
from .one_of import one_of
from .paths import as_path
from .pictures import PICTURES, STORED_BITS, is_picture, lacks_spacing
from .precision import autocast_dtype
from .provenance import provenance
from .scaling_warning import (
    INTENSITY_WIDTH,
    SATURATED,
    SCALING_WARNING,
    ScalingWarning,
    scaling_note,
    summarize_scaling,
)
from .seeds import hashed_seed
from .shard import in_shard, shard_ending
from .suffixes import NIFTI, SUFFIXES, is_image, other_formats, split_suffix
from .target_sites import target_sites
from .walk import files_in, image_files, walk
from .weights_folder import threshold_place, weights_folder

__all__ = [
    "ALIGNED",
    "INTENSITY_WIDTH",
    "MNI",
    "NIFTI",
    "PICTURES",
    "RAS_TO_LPS",
    "SATURATED",
    "SCALING_WARNING",
    "STORED_BITS",
    "SUFFIXES",
    "UNITS",
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
    "check_intact",
    "check_voxel_size",
    "check_writable",
    "class_label",
    "corner_distance",
    "describe",
    "differing_entries",
    "file_digest",
    "files_in",
    "finite_number",
    "frozen",
    "hashed_seed",
    "image_files",
    "in_shard",
    "interior",
    "is_image",
    "is_picture",
    "known_cause",
    "label_type",
    "lacks_spacing",
    "latest_failures",
    "listed",
    "load_tensors",
    "one_of",
    "other_formats",
    "process_count",
    "process_rank",
    "provenance",
    "read_geometry",
    "read_json",
    "read_model_record",
    "read_nifti",
    "read_number",
    "scaling_note",
    "shard_ending",
    "split_suffix",
    "summarize_scaling",
    "target_sites",
    "threshold_place",
    "verify_file",
    "voxel_size",
    "walk",
    "weights_folder",
    "whole_labels",
    "write_json",
    "write_model_record",
    "write_nifti",
]
