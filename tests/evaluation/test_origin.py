# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_anomaly.evaluation.origin import origin_line, origins_table, seed_and_revision
from monai_anomaly.utils import provenance


def test_origin() -> None:
    text = origin_line(provenance("quick", 3), {"data_range": 2.0})
    assert "config quick; seed 3" in text and text.endswith("Settings: data range 2.0.")


def test_weights_for_show_say_so() -> None:
    training = {
        "note": "demonstration weights, synthetic data", "data": {}, "pretrained": None, "changes": [], "epoch": 7,
        "date": "2026-11-29", "settings": {"seed": 0}, "git_revision": "abc",
    }  # fmt: skip
    model = {"file": "model.pt", "sha256": "0123456789", "training": training}
    line = "Model: model.pt (SHA-256 01234567), **demonstration weights, synthetic data**, epoch 7 of a training"
    assert line in origin_line(provenance() | {"model": model}, {})
    training.pop("note")
    assert "**" not in origin_line(provenance() | {"model": model}, {})


def test_origins_tell_what_is_known_of_a_training() -> None:
    about = {"provenance": provenance("quick", 3), "training": {"parameters": 12345, "minutes": 1.234}}
    table = origins_table({"a": about, "b": {**about, "training": {}}}).splitlines()
    assert "12,345" in table[2] and "1.23" in table[2] and "| quick" in table[2] and "| - " in table[3]


def test_seed_and_revision_of_a_training_that_is_known() -> None:
    about = provenance("quick", 3)
    assert (
        seed_and_revision(about)
        == seed_and_revision(about | {"model": {"training": None}})
        == (
            3,
            about["git_revision"],
        )
    )
    training = {"settings": {"seed": 0}, "git_revision": None}
    assert seed_and_revision(about | {"model": {"training": training}}) == (0, None)
    # one without a seed has not that of the evaluation
    assert seed_and_revision(about | {"model": {"training": {**training, "settings": {}}}}) == (None, None)
