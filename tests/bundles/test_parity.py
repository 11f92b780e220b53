# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Two processes train as one that has the batches of both: the same losses, weights and validation."""

from __future__ import annotations

from pathlib import Path

import pytest

from .parity import BATCH_NORMALIZATION, CASES, DICE, EXACT, measure


@pytest.fixture(scope="module")
def measured(
    phantom: Path, ellipses: Path, sites: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, float]]:
    """All cases at once, for starting a process takes seconds."""
    kinds = {"descargan": ellipses, "l2i_classification": sites}
    data = {case.bundle: kinds.get(case.bundle, phantom) for case in CASES.values()}
    return measure(data, tmp_path_factory.mktemp("parity"))


@pytest.mark.parametrize("name", EXACT)
def test_losses_weights_and_validation_are_those_of_one_process(
    measured: dict[str, dict[str, float]], name: str
) -> None:
    found = measured[name]
    assert found["steps"] >= 4
    assert found["loss"] < 1e-6 and found["metric"] < 1e-4 and found["weights"] < 1e-6, found


@pytest.mark.parametrize("name", CASES)
def test_all_processes_validate_the_same_network(measured: dict[str, dict[str, float]], name: str) -> None:
    """Running statistics included."""
    assert measured[name]["between"] == 0


def test_what_is_no_mean_over_images_shows(measured: dict[str, dict[str, float]]) -> None:
    """Little of Dice, much of statistics of 4 images instead of 8."""
    assert 1e-6 < measured[DICE]["loss"] < 1e-3
    assert measured[BATCH_NORMALIZATION]["loss"] > 1e-3
