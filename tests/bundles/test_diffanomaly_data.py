# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the configurations look for data, and where they make some."""

from __future__ import annotations

from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from monai_anomaly.data import builtin
from monai_anomaly.utils import DataError

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLE = REPOSITORY / "bundles" / "diffanomaly"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders a phantom would have been written to."""
    folders: list[Path] = []

    def write_phantom(root: Path, **arguments: object) -> Path:
        folders.append(root)
        return root / "datalist.json"

    monkeypatch.setattr(builtin, "write_phantom", write_phantom)
    return folders


def datalist(*names: str, **overrides: object) -> Path:
    parser = ConfigParser()
    parser.read_config([BUNDLE / "configs" / f"{name}.json" for name in ("train", *names)])
    parser.update(overrides)
    return parser.get_parsed_content("datalist")


@pytest.mark.parametrize("cwd", [REPOSITORY, BUNDLE])
@pytest.mark.parametrize(("names", "folder"), [((), "data/phantom"), (("long",), "data/phantom_long")])
def test_default_folder_gets_the_phantom(
    written: list, monkeypatch: pytest.MonkeyPatch, cwd: Path, names: tuple[str, ...], folder: str
) -> None:
    monkeypatch.chdir(cwd)
    datalist(*names)
    assert [f.resolve() for f in written] == [BUNDLE / folder]


def test_default_folder_in_other_words(written: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BUNDLE)
    datalist(dataset_dir=str(BUNDLE / "data" / "phantom") + "/")
    assert len(written) == 1


@pytest.mark.parametrize("names", [(), ("long",)])
def test_mistyped_folder_is_an_error(written: list, tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(Exception) as caught:
        datalist(*names, dataset_dir=str(tmp_path / "brast"))
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, DataError):
        error = error.__cause__
    assert "no such folder" in str(error) and "monai_anomaly phantom" in str(error)
    assert not written and not (tmp_path / "brast").exists()


def test_phantom_elsewhere_on_request(written: list, tmp_path: Path) -> None:
    datalist(dataset_dir=str(tmp_path / "mine"), make_phantom=True)
    assert written == [tmp_path / "mine"]
