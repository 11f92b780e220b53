# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What every benchmark begins with: the configuration, the weights, the cases and the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from torch.utils.data import Subset

from ..networks.weights import load_weights
from ..utils import DataError, file_digest
from .record import used_config

__all__ = [
    "about_checkpoint",
    "case_names",
    "chosen_settings",
    "make_inferer",
    "pick_cases",
    "read_config",
    "setting_id",
    "trained_network",
]

NEEDED = ("task", "inferer", "network", "benchmark")


def read_config(config: str | Sequence[str], overrides: Mapping[str, Any]) -> ConfigParser:
    """Read a configuration, with overrides.

    Args:
        config: JSON file(s), the later ones over the earlier ones.
        overrides: id -> entry.

    Returns:
        With the ids in their full form, so that equal configurations are equal.

    Raises:
        DataError: when an entry that a benchmark needs is missing.
    """
    parser = ConfigParser()
    parser.read_config(config)
    parser.update(dict(overrides))
    if absent := [name for name in NEEDED if name not in parser]:
        raise DataError(
            f"{config}: expected a configuration with {', '.join(NEEDED)}, found no {', '.join(absent)}; the settings"
            " of a bundle are in its configs/benchmark.json, to be given behind train.json"
        )
    parser.parse()
    return parser


def setting_id(name: str) -> str:
    """Where the arguments of a setting are."""
    return f"benchmark::settings::{name}"


def make_inferer(parser: ConfigParser, setting: str) -> Any:
    """The configuration's inferer, with some arguments as a setting has them.

    An argument is named by its id below ``inferer``, such as ``scheme#steps``. One that is an object of its own is
    replaced as a whole, e.g. by None.
    """
    changed = ConfigParser(deepcopy(parser.get()))
    for name, value in parser.get_parsed_content(setting_id(setting)).items():
        changed.set(value, f"inferer::{name}", recursive=False)
    return changed.get_parsed_content("inferer")


def about_checkpoint(checkpoint: str, parser: ConfigParser, ids: Iterable[str]) -> dict[str, Any]:
    """What the rows of a checkpoint depend on.

    Args:
        checkpoint: weights of a training.
        parser: its configuration.
        ids: the entries that are used.

    Returns:
        ``sha256``, ``device``, which the seconds are of, and ``config``, see :py:func:`used_config`.

    Raises:
        DataError: when there is no such file.
    """
    if not Path(checkpoint).is_file():
        raise DataError(f"{checkpoint}: expected the weights of a training, found no such file")
    device = torch.device(parser.get_parsed_content("device"))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {"sha256": file_digest(checkpoint), "device": name, "config": used_config(parser, ids)}


def trained_network(checkpoint: str, parser: ConfigParser) -> Any:
    """The configuration's network with the weights of a training, in evaluation mode; see `load_weights`."""
    network = parser.get_parsed_content("network")
    load_weights(network, checkpoint)
    return network.eval()


def pick_cases(dataset: Any, count: int | None = None) -> Subset:
    """Some cases of a data set with ``labels``, spread over it.

    Args:
        dataset: the data set.
        count: how many, two thirds of them not of class 0, as far as there are any; None: all, in their order.

    Raises:
        ValueError: when the count is less than 1.
    """
    if count is None:
        return Subset(dataset, range(len(dataset)))
    if count < 1:
        raise ValueError(f"a count of cases must be at least 1, got {count}")
    positive = np.asarray(dataset.labels) > 0
    diseased, healthy = np.flatnonzero(positive), np.flatnonzero(~positive)
    share = min(len(healthy), max(count // 3, count - len(diseased)))
    picked: list[int] = []
    for members, wanted in ((diseased, count - share), (healthy, share)):
        places = np.linspace(0, len(members) - 1, min(wanted, len(members)))
        picked += members[places.round().astype(int)].tolist()
    return Subset(dataset, picked)


def case_names(cases: Iterable[Mapping[str, Any]]) -> dict[str, list]:
    """Which cases they are; labels and lesions tell apart data sets that use the same names."""
    rows = [
        (
            str(case.get("subject", "")),
            str(case.get("slice", "")),
            int(case["label"]) if "label" in case else None,
            int((case["mask"] > 0).sum()) if "mask" in case else None,
        )
        for case in cases
    ]
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    return dict(zip(("subject", "slice", "label", "lesion_pixels"), map(list, columns), strict=True))


def chosen_settings(settings: Iterable[str], only: str | Sequence[str] | None) -> list[str]:
    """The settings to run, in the order asked for.

    Args:
        settings: their names.
        only: names or parts of names, from the beginning of a word on: "50 steps" does not mean "250 steps"; None: all.

    Raises:
        ValueError: when no name is meant.
    """
    names = list(settings)
    wanted = [only] if isinstance(only, str) else only
    if wanted is None:
        return names
    patterns = [re.compile(rf"(?<!\w){re.escape(str(part))}") for part in wanted]
    chosen = list(dict.fromkeys(name for pattern in patterns for name in names if pattern.search(name)))
    if not chosen:
        raise ValueError(f"only must be (parts of) names of {names}, got {only!r}")
    return chosen
