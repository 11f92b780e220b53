# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Datalists of real data, slices of volumes, and built-in data."""

from __future__ import annotations

from .assemble_datalist import assemble_datalist
from .brain_mask_file import find_brain_mask, load_brain_mask
from .brain_mask_names import is_mask_beside
from .brats import make_brats_datalist
from .brats_slices import make_brats_slices_datalist
from .builtin import find_datalist
from .chest import make_chest, write_chest
from .chexpert import make_chexpert_datalist
from .datalist import load_datalist, save_datalist
from .decathlon_list import make_decathlon_datalist
from .desired_masks import borrow_masks, with_desired_masks
from .ellipses import make_ellipses, write_ellipses
from .folders import make_folders_datalist
from .healthy import healthy_only
from .input_loader import InputDataset, InputLoader, LeftOut
from .inputs import find_inputs
from .phantom import PhantomSubject, make_subject, write_phantom
from .siblings import find_siblings
from .site_samplers import AnchorBatchSampler, ClassAwareBatchSampler
from .site_samples import list_sites, load_site_samples
from .slice_dataset import SliceDataset
from .split import split_by_subject, split_into_folds
from .synthetic import SyntheticSet
from .table import make_table_datalist
from .target_sweep import TargetSweep
from .volume_dataset import VolumeDataset

__all__ = [
    "AnchorBatchSampler",
    "ClassAwareBatchSampler",
    "InputDataset",
    "InputLoader",
    "LeftOut",
    "PhantomSubject",
    "SliceDataset",
    "SyntheticSet",
    "TargetSweep",
    "VolumeDataset",
    "assemble_datalist",
    "borrow_masks",
    "find_brain_mask",
    "find_datalist",
    "find_inputs",
    "find_siblings",
    "healthy_only",
    "is_mask_beside",
    "list_sites",
    "load_brain_mask",
    "load_datalist",
    "load_site_samples",
    "make_brats_datalist",
    "make_brats_slices_datalist",
    "make_chest",
    "make_chexpert_datalist",
    "make_decathlon_datalist",
    "make_ellipses",
    "make_folders_datalist",
    "make_subject",
    "make_table_datalist",
    "save_datalist",
    "split_by_subject",
    "split_into_folds",
    "with_desired_masks",
    "write_chest",
    "write_ellipses",
    "write_phantom",
]
