# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.losses.domain.clusters import nearest, spherical_kmeans

from .toy import unit


def test_distance_is_0_to_1_by_the_angle_alone() -> None:
    number, distance = nearest(5 * unit(0, 90, 180), unit(0))
    assert number.tolist() == [0, 0, 0]
    torch.testing.assert_close(distance, torch.tensor([0.0, 0.5, 1.0]))


def test_centers_move_to_the_clusters_and_keep_their_order() -> None:
    points = unit(80, 90, 100, 260, 270, 280)
    torch.testing.assert_close(spherical_kmeans(points, unit(0, 200)), unit(90, 270), atol=1e-5, rtol=0)
    torch.testing.assert_close(spherical_kmeans(points, unit(200, 0)), unit(270, 90), atol=1e-5, rtol=0)


def test_the_result_is_a_fixed_point() -> None:
    points = F.normalize(torch.randn(60, 5, generator=torch.Generator().manual_seed(0)))
    centers = spherical_kmeans(points, points[:3])
    number, _ = nearest(points, centers)
    means = torch.stack([F.normalize(points[number == k].sum(0), dim=0) for k in range(3)])
    torch.testing.assert_close(centers, means)


def test_a_center_without_points_stays() -> None:
    torch.testing.assert_close(spherical_kmeans(unit(0, 10), unit(5, 180)), unit(5, 180))


def test_agrees_with_skada() -> None:
    utils = pytest.importorskip("skada.deep.utils")
    points = F.normalize(torch.randn(60, 5, generator=torch.Generator().manual_seed(1)))
    expected = utils.SphericalKMeans(3, initial_centroids=points[:3], tol=0.0).fit(points).cluster_centers_
    torch.testing.assert_close(spherical_kmeans(points, points[:3]), F.normalize(expected))
