# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The weights that bundles come with are what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_anomaly.networks.weights import load_weights
from monai_anomaly.utils import file_digest, read_model_record

from .workflow import BUNDLES, merged

SHIPPED = [bundle for bundle in BUNDLES if (bundle / "models" / "model.pt").is_file()]


@pytest.fixture(params=SHIPPED, ids=lambda path: path.name)
def shipped(request: pytest.FixtureRequest) -> Path:
    """A bundle that comes with weights."""
    return request.param


def test_they_fit_the_network_and_are_small(shipped: Path) -> None:
    network = merged(shipped, "inference").get_parsed_content("network_def")
    load_weights(network, shipped / "models" / "model.pt", strict=True)
    assert sum(path.stat().st_size for path in (shipped / "models").iterdir()) < 8.2e6


def test_it_is_known_what_they_are(shipped: Path) -> None:
    model = shipped / "models" / "model.pt"
    record = read_model_record(model)["training"]
    assert record["note"] == "demonstration weights, synthetic data"
    page = (shipped / "models" / "README.md").read_text(encoding="utf-8")
    for known in (file_digest(model), record["git_revision"], record["date"][:10], "say nothing about patients"):
        assert known in page


def test_scores_of_the_page_are_those_of_the_metadata(shipped: Path) -> None:
    told = json.loads((shipped / "configs" / "metadata.json").read_text(encoding="utf-8"))["eval_metrics"]
    page = (shipped / "models" / "README.md").read_text(encoding="utf-8")
    assert told and all(f"| {name} | {value:.4f} |" in page for name, value in told.items())


def test_the_threshold_is_theirs(shipped: Path) -> None:
    threshold = shipped / "models" / "threshold.json"
    if not threshold.is_file():
        pytest.skip(f"{shipped.name} needs no threshold")
    model = json.loads(threshold.read_text(encoding="utf-8"))["model"]
    assert model["sha256"] == file_digest(shipped / "models" / "model.pt")
