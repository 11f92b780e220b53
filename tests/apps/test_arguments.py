# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fire
import pytest

from monai_anomaly.__main__ import main
from monai_anomaly.apps.arguments import read_arguments


def _typed(*arguments: str) -> dict[str, Any]:
    def command(
        root: str | os.PathLike,
        names: Sequence[str] | str = ("a",),
        only: Sequence[str] = (),
        sets: str | Sequence[str] | Mapping[str, Any] = "x",
        where: str | None = "x",
        seed: int = 0,
        split: Sequence[float] = (1,),
        **options: str,
    ) -> dict[str, Any]:
        got = {"root": root, "names": names, "only": only, "sets": sets, "where": where, "seed": seed, "split": split}
        return {**got, **options}

    return fire.Fire(read_arguments(command), list(arguments), serialize=lambda _: "")


@pytest.mark.parametrize("name", ["20230115", "1.10", "Smith,John", "[1]", "1e3", "0x10", "None", "True", "{a}"])
def test_a_path_and_an_option_of_text_arrive_as_typed(name: str) -> None:
    found = _typed(name, "--label", name)
    assert (found["root"], found["label"]) == (name, name)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("t1", "t1"),
        ("['t1', '2']", ["t1", "2"]),
        ("[t1,t2]", ["t1", "t2"]),
        ("t1,t2", ["t1", "t2"]),
        ("Smith, John/a.json", "Smith, John/a.json"),
        ("['Smith, John/a.json', \"b,c\", d,]", ["Smith, John/a.json", "b,c", "d"]),
    ],
)
def test_names_are_text(typed: str, expected: Any) -> None:
    assert _typed("x", "--names", typed)["names"] == expected


def test_a_list_of_names_never_falls_into_letters() -> None:
    assert _typed("x", "--only", "t1")["only"] == ["t1"]


def test_numbers_lists_and_dictionaries_are_still_read() -> None:
    found = _typed("x", "--seed", "3", "--split", "[0.5,0.5]", "--sets", "{'a': {'b': 1}}", "--where", "None")
    assert (found["seed"], found["split"], found["sets"]) == (3, [0.5, 0.5], {"a": {"b": 1}})
    assert found["where"] is None


@pytest.mark.parametrize("folder", ["20230115", "1.10", "Smith,John"])
def test_a_folder_of_any_name(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("healthy", "diseased"):
        (tmp_path / folder / name).mkdir(parents=True)
        (tmp_path / folder / name / "7.png").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["monai_anomaly", "datalist", "folders", folder, "1.20", "--seed", "1"])
    main()
    assert '"seed": 1' in (tmp_path / "1.20").read_text(encoding="utf-8")
