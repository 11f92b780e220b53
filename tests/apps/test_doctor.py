# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from importlib import metadata

import pytest

from monai_anomaly.apps.doctor import doctor
from monai_anomaly.utils import DataError
from tests.bundles.workflow import BUNDLES


def test_it_tells_versions_devices_and_weights(capsys: pytest.CaptureFixture[str]) -> None:
    doctor()
    text = capsys.readouterr().out
    for known in (f"torch              {metadata.version('torch')}", "CPU:", "hd-bet", "all that is needed is here"):
        assert known in text
    for bundle in BUNDLES:
        assert f"  {bundle.name} " in text
    assert "descargan/models/model.pt: demonstration weights, synthetic data" in text


def test_what_is_missing_or_too_old_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "nibabel":
            raise metadata.PackageNotFoundError(name)
        return "1.2.0" if name == "monai" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(DataError, match=r"monai 1\.2\.0; nibabel missing; pip install -c constraints\.txt"):
        doctor()
    assert "needs <1.7,>=1.6.1" in capsys.readouterr().out
