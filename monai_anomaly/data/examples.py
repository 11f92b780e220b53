# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .builtin import find_datalist

__all__ = ["write_examples"]

SEED = 2026
"""Of people and images that no training of the built-in data has; its seeds are small numbers."""


def write_examples(folder: str | os.PathLike, phantom: Mapping[str, Any], count: int = 2) -> Path:
    """Write a few built-in images like those of a configuration, for a first look at an inference.

    Args:
        folder: made if missing; complete files in it are kept.
        phantom: the entry ``phantom`` of a training, see `find_datalist`.
        count: images of each class or, of the brain phantom, people: one healthy, the others with a lesion; of a design
            one of each of its first groups that are tested.

    Returns:
        Path of the datalist; all images are in its section ``test``.
    """
    few = {k: v for k, v in phantom.items() if k not in ("counterfactuals", "workers")} | {"seed": SEED}
    if few.get("kind", "brain") != "brain":
        few["per_class"] = [0, 0, count]
    elif few.get("groups"):
        tested = [group for group in few["groups"] if group.get("test")][:count]
        few["groups"] = [{**group, "training": 0, "validation": 0, "test": 1} for group in tested]
    else:
        few |= {"subjects": count, "healthy_fraction": 1 / count, "split": [0.0, 0.0, 1.0]}
    return find_datalist(folder, few)
