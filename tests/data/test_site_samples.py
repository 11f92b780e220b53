# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.data import list_sites, load_site_samples
from monai_anomaly.utils import DataError

SECTIONS = ("training", "validation", "test")
# people of a site and class in training, validation, test
DESIGN = {("A", 0): (4, 2, 3), ("A", 1): (3, 2, 3), ("B", 1): (9, 1, 2), ("C", 0): (6, 1, 1)}


def _design() -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    for (site, label), counts in DESIGN.items():
        for section, count in zip(SECTIONS, counts, strict=True):
            for i in range(count):
                name = f"{site}{label}{section}{i}"
                parts[section].append({"image": f"{name}.png", "label": label, "subject": name, "site": site})
    return parts


def _write(folder: Path, parts: dict[str, Any], **header: Any) -> Path:
    for section in parts.values():
        for sample in section:
            (folder / sample["image"]).touch()
    (folder / "list.json").write_text(json.dumps({**header, **parts}))
    return folder / "list.json"


def _load(path: Path, section: str, **arguments: Any) -> list[dict[str, Any]]:
    return load_site_samples(path, section, **{"target": "A", **arguments})


def _names(samples: list[dict[str, Any]]) -> list[str]:
    return [sample["subject"] for sample in samples]


def test_split_0_is_that_of_the_datalist(tmp_path: Path) -> None:
    path = _write(tmp_path, _design())
    for section in SECTIONS:
        samples = _load(path, section)
        assert _names(samples) == _names(_design()[section])
        assert samples[0]["image"] == str(tmp_path / f"{samples[0]['subject']}.png")


@pytest.mark.parametrize("split", [1, 2])
def test_another_split_keeps_the_size_of_every_site_and_class_in_every_section(tmp_path: Path, split: int) -> None:
    path = _write(tmp_path, _design())
    dealt = {section: _load(path, section, split=split) for section in SECTIONS}
    for number, section in enumerate(SECTIONS):
        counts = Counter((sample["site"], sample["label"]) for sample in dealt[section])
        assert counts == {group: sizes[number] for group, sizes in DESIGN.items()}
    names = [name for section in SECTIONS for name in _names(dealt[section])]
    assert len(set(names)) == len(names) == sum(map(sum, DESIGN.values()))
    assert set(_names(dealt["training"])) != set(_names(_load(path, "training")))


def test_a_split_depends_on_the_people_and_its_number_alone(tmp_path: Path) -> None:
    first = {split: _names(_load(_write(tmp_path, _design()), "training", split=split)) for split in (1, 2)}
    assert set(first[1]) != set(first[2])
    shuffled = {section: samples[::-1] for section, samples in _design().items()}
    (tmp_path / "elsewhere").mkdir()
    path = _write(tmp_path / "elsewhere", shuffled)
    assert {split: _names(_load(path, "training", split=split)) for split in (1, 2)} == first


def test_fewer_sites_do_not_change_who_is_in_a_split(tmp_path: Path) -> None:
    path = _write(tmp_path, _design())
    everyone = _load(path, "test", split=3)
    some = _load(path, "test", split=3, sites=["A", "B"])
    assert some == [sample for sample in everyone if sample["site"] != "C"]


def test_people_are_dealt_in_the_order_of_their_names_as_written(tmp_path: Path) -> None:
    dealt = []
    for names in ([f"sub-{i:04d}" for i in range(1, 13)], [f"sub-{letter}" for letter in "abcdefghijkl"]):
        people = [{"image": f"{n}.png", "label": 0, "subject": n, "site": "A"} for n in names]
        path = _write(tmp_path, {"training": people[:8], "test": people[8:]})
        dealt.append([names.index(name) for name in _names(_load(path, "training", split=1))])
    assert dealt[0] == dealt[1]


def test_people_with_several_images_or_at_several_sites_stay_together(tmp_path: Path) -> None:
    parts = _design()
    parts["training"] += [
        {"image": f"twice-{i}-{site}.png", "label": 0, "subject": f"twice-{i}", "site": site}
        for i in range(3)
        for site in "AC"
    ]
    parts["test"] += [
        {"image": f"twice-9-{site}.png", "label": 0, "subject": name, "site": site}
        for site, name in (("A", "twice-9"), ("C", "TWICE-9"))
    ]
    path = _write(tmp_path, parts)
    moved = set()
    for split in range(1, 9):
        test = [name.lower() for name in _names(_load(path, "test", split=split)) if name.lower().startswith("twice")]
        assert len(test) == 2 and len(set(test)) == 1
        moved.add(test[0])
    assert len(moved) > 1


def test_another_section_is_never_dealt(tmp_path: Path) -> None:
    path = _write(tmp_path, {**_design(), "new": [{"image": "n.png", "label": 0, "subject": "n", "site": "Z"}]})
    with pytest.warns(UserWarning, match="found no image of class"):
        assert _names(_load(path, "new", split=1)) == ["n"]


def test_the_target_may_be_told_by_the_datalist_and_be_several_sites(tmp_path: Path) -> None:
    path = _write(tmp_path, _design(), target=["B", "C"])
    assert len(load_site_samples(path, "training")) == 22
    (tmp_path / "list.json").write_text(json.dumps(_design()))
    with pytest.raises(DataError, match="a target domain: name its site"):
        load_site_samples(path, "training")


def test_a_target_or_site_that_is_not_there(tmp_path: Path) -> None:
    path = _write(tmp_path, _design())
    with pytest.raises(DataError, match=r"list\.json.*expected the target among the sites A, B, C, found X"):
        _load(path, "training", target="X")
    with pytest.raises(DataError, match=r"every class in the target domain \(A\), found no image of class 0, 1"):
        _load(path, "training", sites=["B", "C"])
    with pytest.raises(DataError, match="some of the sites A, B, C, found X"):
        _load(path, "training", sites=["A", "X"])


def test_a_target_site_of_the_validation_alone(tmp_path: Path) -> None:
    """As Study 5 in the supplement of thesis ch. 9."""
    parts = _design()
    parts["validation"].append({"image": "v.png", "label": 0, "subject": "v", "site": "V"})
    path = _write(tmp_path, parts)
    for split in (0, 1):
        assert len(_load(path, "training", target=["A", "V"], split=split)) == 22
        assert "v" in _names(_load(path, "validation", target=["A", "V"], sites=("A", "V"), split=split))
    with pytest.raises(DataError, match="found no image of class 0, 1"):
        _load(path, "training", target="V")


@pytest.mark.parametrize("name", ["all", "target", "source"])
def test_a_site_called_like_a_part_of_the_report(tmp_path: Path, name: str) -> None:
    parts = _design()
    parts["test"][-1]["site"] = name
    with pytest.raises(DataError, match=rf"section 'training': expected sites not called .*, found {name}"):
        _load(_write(tmp_path, parts), "training")


def test_sites_that_are_numbers(tmp_path: Path) -> None:
    parts = {name: [{**s, "site": "ABC".index(s["site"])} for s in samples] for name, samples in _design().items()}
    path = _write(tmp_path, parts, target=0)
    for target in (0, "0", [0], None):
        assert len(_load(path, "training", target=target, sites=[0, "2"])) == 13
    assert list_sites(path) == ["0", "1", "2"]


def test_a_class_that_the_target_domain_lacks(tmp_path: Path) -> None:
    path = _write(tmp_path, _design())
    with pytest.raises(
        DataError, match=r"'training': .* \(B\), found no image of class 0: name another target, or move"
    ):
        _load(path, "training", target="B")
    with pytest.raises(DataError, match="found no image of class 2"):
        _load(path, "training", num_classes=3)
    with pytest.warns(UserWarning, match=r"section 'validation': .* \(B\), found no image of class 0$"):
        assert len(_load(path, "validation", target="B")) == 6


def test_a_site_with_one_image_brings_a_warning_in_training_alone(tmp_path: Path) -> None:
    parts = _design()
    parts["training"].append({"image": "d.png", "label": 0, "subject": "d", "site": "D"})
    path = _write(tmp_path, parts)
    with pytest.warns(UserWarning, match=r"one image only of the site\(s\) D"):
        _load(path, "training")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _load(path, "validation")


def test_an_unknown_site_in_the_test_is_no_error(tmp_path: Path) -> None:
    parts = _design()
    parts["test"].append({"image": "z.png", "label": 1, "subject": "z", "site": "Z"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _load(_write(tmp_path, parts), "test")[-1]["site"] == "Z"


@pytest.mark.parametrize("entry", ["site", "label", "subject"])
@pytest.mark.parametrize("split", [0, 1])
def test_a_sample_without_an_entry(tmp_path: Path, entry: str, split: int) -> None:
    parts = _design()
    del parts["training"][3][entry]
    with pytest.raises(DataError, match=rf"list\.json: expected a '{entry}' of every sample of 'training'"):
        _load(_write(tmp_path, parts), "training", split=split)


def test_a_person_in_training_and_test(tmp_path: Path) -> None:
    parts = _design()
    parts["test"].append({**parts["training"][0], "image": "again.png"})
    with pytest.raises(DataError, match="in one section, found in training and test"):
        _load(_write(tmp_path, parts), "training", split=1)


@pytest.mark.parametrize("split", [-1, 1.5, True, "1"])
def test_a_split_that_is_no_number(tmp_path: Path, split: Any) -> None:
    with pytest.raises(DataError, match="split: expected 0, 1, 2"):
        _load(_write(tmp_path, _design()), "training", split=split)


def test_the_sites_that_a_training_knows(tmp_path: Path) -> None:
    parts = _design()
    parts["test"].append({"image": "new.png", "label": 0, "subject": "new", "site": "Z"})
    path = _write(tmp_path, parts)
    assert list_sites(path) == ["A", "B", "C"] and list_sites(path, "test") == ["A", "B", "C", "Z"]
    parts["training"] = [{key: value for key, value in s.items() if key != "site"} for s in parts["training"]]
    with pytest.raises(DataError, match=r"list\.json: expected samples with a 'site' in the section 'training'"):
        list_sites(_write(tmp_path, parts))
