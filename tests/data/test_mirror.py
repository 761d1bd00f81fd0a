"""The true data sets, where REPRO_DATA_DIR holds them, against facts known from elsewhere."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from repro.data import load

FOLDER = os.environ.get("REPRO_DATA_DIR", "")  # read before the fixture that hides it


def needs(path: str) -> pytest.MarkDecorator:
    there = bool(FOLDER) and (Path(FOLDER) / path).is_file()
    return pytest.mark.skipif(not there, reason=f"REPRO_DATA_DIR with {path} is not set")


# as listed by torchvision and on yann.lecun.com for years
MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}


@needs("mnist/t10k-images-idx3-ubyte.gz")
def test_mnist_has_the_upstream_md5_and_class_counts() -> None:
    for name, md5 in MNIST_MD5.items():
        content = (Path(FOLDER) / "mnist" / name).read_bytes()
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
    mnist = load("mnist", path=FOLDER)
    assert np.bincount(mnist.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(mnist.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # mean and standard deviation of the training pixels, as in every tutorial's normalisation
    assert abs(mnist.x_train.mean(dtype=float) - 0.1307) < 5e-5
    assert abs(mnist.x_train.std(dtype=float) - 0.3081) < 5e-5


@needs("cifar10-jpeg-q75.tar.xz")
def test_the_lossy_half_of_cifar10_says_what_it_is_and_is_balanced() -> None:
    cifar = load("cifar10", path=Path(FOLDER) / "cifar10-jpeg-q75.tar.xz")
    assert "lossy" in cifar.title
    assert cifar.note.startswith("Not CIFAR-10 itself")
    assert (cifar.x_train.shape, cifar.x_test.shape) == ((25_000, 3, 32, 32), (10_000, 3, 32, 32))
    assert cifar.x_train.flags.c_contiguous
    for labels, n in ((cifar.y_train, 2500), (cifar.y_test, 1000)):
        assert np.bincount(labels).tolist() == [n] * 10
    # channel means of CIFAR-10's 50,000 training images, as in every tutorial's normalisation. The means of images
    # spread by about 0.15, so half of them stray by 0.15 / sqrt(50,000) = 0.0007, at 4 sigma 0.003; JPEG adds at most
    # half a grey level, 0.002
    means = cifar.x_train.mean(axis=(0, 2, 3), dtype=float)
    assert np.abs(means - [0.4914, 0.4822, 0.4465]).max() < 0.005
