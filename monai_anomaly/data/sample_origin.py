# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

__all__ = ["origin_of", "subject_of"]


def subject_of(sample: Mapping[str, Any], number: int) -> str:
    """The subject of a sample; of one without, its number in the list."""
    return str(sample.get("subject", number))


def origin_of(sample: Mapping[str, Any], number: int) -> str:
    """The subject of a sample and, where there is one, its first file, for a message."""
    image = sample.get("image")
    files = image if isinstance(image, (list, tuple)) else [image]
    file = f" ({files[0]})" if files and isinstance(files[0], (str, os.PathLike)) else ""
    return f"subject {subject_of(sample, number)}{file}"
