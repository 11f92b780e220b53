# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

from .tiny_networks import TINY_MASK_DIFFUSION, TINY_NETWORK, TINY_SAMPLING, TINY_SEGMENTER, TINY_TRANSLATION
from .tiny_training import TINY_ELLIPSES, TINY_SITES, TINY_TRAINING

__all__ = ["write_unit_test"]

TEMPLATE = Path(__file__).with_name("unit_test.template")
FEW_LEVELS = {"inferer#scheme#steps": 2, "inferer#scheme#substeps": 1}
TRAINING: dict[str, dict[str, Any]] = {
    "descargan": TINY_ELLIPSES,
    "diffanomaly": {**TINY_TRAINING, **TINY_NETWORK, **FEW_LEVELS},
    "diffseg": {**TINY_TRAINING, **TINY_MASK_DIFFUSION, "inferer#steps": 2, "inferer#num_samples": 2},
    "difftranslation": {**TINY_TRAINING, **TINY_TRANSLATION, **TINY_SEGMENTER, **FEW_LEVELS},
    "l2i_classification": TINY_SITES,
}
"""Of each bundle: overrides of its training, evaluation included."""
SHARED = ("network_def", "latent_dim", "spatial_size", "pixdim")
"""Words with which those of them begin that the inference needs too."""


def write_unit_test(name: str, path: Path) -> None:
    """Write a bundle's unit test as the Model Zoo has it: trains, evaluates and infers at a tiny size.

    Args:
        name: of the bundle's folder; of one that is not of this package the test runs the configurations as they are.
        path: of the file.
    """
    training = TRAINING.get(name, {})
    inference = {key: value for key, value in training.items() if key.startswith(SHARED)}
    inference |= TINY_SAMPLING.get(name, {})
    text = TEMPLATE.read_text(encoding="utf-8")
    for word, value in {
        "CLASS": "Test" + "".join(part.title() for part in name.split("_")),
        "NAME": name,
        "TRAINING": _literal(training),
        "INFERENCE": _literal(inference),
    }.items():
        text = text.replace(f"<{word}>", value)
    path.write_text(text, encoding="utf-8")


def _literal(value: Any, indent: int = 0) -> str:
    """Values as Python code in black's style."""
    flat = repr(value).replace("'", '"')
    if indent + len(flat) < 100 or not isinstance(value, (dict, list)):
        return flat
    pairs = (
        [(f'"{key}": ', part) for key, part in value.items()] if isinstance(value, dict) else [("", v) for v in value]
    )
    pad = " " * (indent + 4)
    lines = "".join(f"{pad}{key}{_literal(part, indent + 4)},\n" for key, part in pairs)
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n{lines}{' ' * indent}{last}"
