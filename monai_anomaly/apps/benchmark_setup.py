# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What every benchmark begins with: the configuration, the weights, the slices and the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.bundle import ConfigParser

from ..networks.weights import load_weights
from ..utils import DataError, file_digest
from .benchmark_file import used_config

__all__ = [
    "about_checkpoint",
    "chosen_settings",
    "component_arguments",
    "pick_test_slices",
    "read_config",
    "slice_names",
    "trained_network",
]


def read_config(config: str | Sequence[str], overrides: Mapping[str, Any]) -> ConfigParser:
    """Read a configuration, with overrides.

    Args:
        config: JSON file(s), the later ones over the earlier ones.
        overrides: id -> entry.

    Returns:
        With the ids in their full form, so that equal configurations are equal.
    """
    parser = ConfigParser()
    parser.read_config(config)
    parser.update(dict(overrides))
    parser.parse()
    return parser


def component_arguments(parser: ConfigParser, name: str) -> dict[str, Any]:
    """The arguments of a component of a configuration, resolved; a benchmark gives it some others."""
    return {k: parser.get_parsed_content(f"{name}#{k}") for k in parser[name] if k != "_target_"}


def about_checkpoint(checkpoint: str, parser: ConfigParser, ids: Iterable[str]) -> dict[str, Any]:
    """What the rows of a checkpoint depend on.

    Args:
        checkpoint: weights of a training.
        parser: its configuration.
        ids: the entries that are used.

    Returns:
        ``sha256`` and ``config``, see :py:func:`used_config`.

    Raises:
        DataError: when there is no such file.
    """
    if not Path(checkpoint).is_file():
        raise DataError(f"{checkpoint}: expected the weights of a training, found no such file")
    return {"sha256": file_digest(checkpoint), "config": used_config(parser, ids)}


def trained_network(checkpoint: str, parser: ConfigParser) -> Any:
    """The configuration's network with the weights of a training, in evaluation mode; see `load_weights`."""
    network = parser.get_parsed_content("network")
    load_weights(network, checkpoint)
    return network.eval()


def pick_test_slices(dataset: Any, count: int | None = None) -> list[dict[str, Any]]:
    """``count`` slices spread over a set, two thirds of them diseased; None: all, in the order of the set."""
    if count is None:
        return [dataset[i] for i in range(len(dataset))]
    labels = np.asarray(dataset.labels)
    picked: list[int] = []
    for label, share in ((1, count - count // 3), (0, count // 3)):
        members = np.flatnonzero(labels == label)
        picked += members[np.linspace(0, len(members) - 1, min(share, len(members))).round().astype(int)].tolist()
    return [dataset[i] for i in picked]


def slice_names(slices: Sequence[Mapping[str, Any]]) -> dict[str, list]:
    """Which slices they are; the lesions tell apart data sets that use the same names."""
    return {
        "subject": [str(s["subject"]) for s in slices],
        "slice": [int(s["slice"]) for s in slices],
        "lesion_pixels": [int((s["mask"] > 0).sum()) if "mask" in s else None for s in slices],
    }


def chosen_settings(
    settings: Mapping[str, dict[str, Any]], only: str | Sequence[str] | None
) -> dict[str, dict[str, Any]]:
    """The settings to run.

    Args:
        settings: name -> arguments.
        only: names or parts of names, from the beginning of a word on: "50 steps" does not mean "250 steps"; None: all.

    Raises:
        ValueError: when no name is meant.
    """
    wanted = [only] if isinstance(only, str) else only
    patterns = [re.compile(rf"(?<!\w){re.escape(str(w))}") for w in (settings if wanted is None else wanted)]
    chosen = {n: s for n, s in settings.items() if any(p.search(n) for p in patterns)}
    if not chosen:
        raise ValueError(f"only must be (parts of) names of {list(settings)}, got {only!r}")
    return chosen
