# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which weights a configuration takes: of a training, or those that the bundle comes with."""

from __future__ import annotations

from pathlib import Path

import pytest

from .workflow import copy_bundle, merged


def model_file(copy: Path, *names: str) -> str:
    parser = merged(copy, *names)
    parser["bundle_root"] = str(copy)
    return parser.get_parsed_content("model_file")


@pytest.mark.parametrize(
    ("bundle", "names", "expected"),
    [
        ("diffanomaly", ("train",), "trained/model.pt"),
        ("diffanomaly", ("train", "vae"), "trained/vae.pt"),
        ("diffanomaly", ("inference",), "models/model.pt"),
        ("diffanomaly", ("train", "evaluate"), "models/model.pt"),
        ("diffanomaly", ("train", "ddpm"), "models/model.pt"),
        ("diffanomaly", ("train", "ddpm", "evaluate"), "models/model.pt"),
        ("diffanomaly", ("train", "vae", "evaluate"), "trained/vae.pt"),
        ("diffanomaly", ("train", "long", "gradcam"), "trained/long/model.pt"),
        ("difftranslation", ("train", "area", "evaluate"), "models/model.pt"),
        ("difftranslation", ("train", "sizes"), "models/model.pt"),
        ("l2i_classification", ("train", "vanilla", "evaluate"), "trained/vanilla.pt"),
        ("descargan", ("inference_chest",), "trained/chest/model.pt"),
    ],
)
def test_what_came_with_the_bundle_serves_where_nothing_was_trained(
    bundle: str, names: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    copy = copy_bundle(bundle, tmp_path)
    (copy / "models").mkdir()
    (copy / "models" / "model.pt").touch()
    names = ("inference", *names) if names[0].startswith("inference_") else names
    assert model_file(copy, *names) == f"{copy}/{expected}"
    (copy / "trained").mkdir()
    (copy / "trained" / "model.pt").touch()
    assert model_file(copy, *names) == f"{copy}/{expected.replace('models/', 'trained/')}"
