"""Readers: against the formats' descriptions, hand-made archives, and facts known from elsewhere."""

from __future__ import annotations

import gzip
import io
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from repro.data import DataCorrupt
from repro.data.archives import read_members
from repro.data.catalogue import registry
from repro.data.readers import CIFAR_CLASSES, READERS, read_cifar10_binary, read_cifar10_jpeg, read_idx
from repro.data.sounds import read_fsdd, read_sounds, read_synthetic
from tests.data.conftest import left_in
from tests.data.samples import idx, tar

same_folder = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_folder
@given(npst.arrays(np.uint8, npst.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)))
def test_an_idx_file_gives_back_the_array_it_was_made_from(tmp_path: Path, values: np.ndarray) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(idx(values))
    read = read_idx(path)
    assert read.dtype == np.uint8
    assert read.shape == values.shape
    assert np.array_equal(read, values)


@same_folder
@given(st.integers(0, 19))
def test_an_idx_file_cut_anywhere_is_refused_by_name(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "short.gz"
    whole = gzip.decompress(idx(np.zeros((2, 2, 1))))  # 16 bytes of header, 4 of values
    path.write_bytes(gzip.compress(whole[:kept]))
    with pytest.raises(DataCorrupt, match=r"short\.gz is no idx file"):
        read_idx(path)


def test_an_idx_file_of_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "floats.gz"
    content = bytearray(gzip.decompress(idx(np.zeros(3))))
    content[2] = 0x0D  # float
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataCorrupt, match=r"floats\.gz is no idx file"):
        read_idx(path)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_members_of_an_archive_come_whole_and_in_order(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.tar"
    folder = tarfile.TarInfo("b")
    folder.type = tarfile.DIRTYPE
    path.write_bytes(tar([folder, ("b/1", b"one"), ("b/2", b""), ("a", b"three")], mode))
    assert list(read_members(path)) == [("b/1", b"one"), ("b/2", b""), ("a", b"three")]


def _special(kind: bytes, name: str, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("member", "by"),
    [
        (("../out", b"x"), "tarfile refuses"),
        (("a/../../out", b"x"), "tarfile refuses"),
        (("a/../in", b"x"), "no plain file"),
        (("/etc/out", b"x"), "no plain file"),  # the filter would take it as etc/out
        (_special(tarfile.SYMTYPE, "link", "ok"), "no plain file"),
        (_special(tarfile.SYMTYPE, "link", "/etc/passwd"), "tarfile refuses"),
        (_special(tarfile.LNKTYPE, "hard", "ok"), "no plain file"),
        (_special(tarfile.LNKTYPE, "hard", "../out"), "tarfile refuses"),
        (_special(tarfile.FIFOTYPE, "pipe"), "tarfile refuses"),
        (_special(tarfile.CHRTYPE, "device"), "tarfile refuses"),
    ],
    ids=lambda value: (
        value.name if isinstance(value, tarfile.TarInfo) else value if isinstance(value, str) else value[0]
    ),
)
def test_a_member_that_leaves_the_archive_is_refused_by_both_names(
    tmp_path: Path, member: tarfile.TarInfo | tuple[str, bytes], by: str
) -> None:
    path = tmp_path / "evil.tar.gz"
    path.write_bytes(tar([("ok", b"fine"), member]))
    name = member.name if isinstance(member, tarfile.TarInfo) else member[0]
    with pytest.raises(DataCorrupt) as refused:
        list(read_members(path))
    for part in ("evil.tar.gz", repr(name), by):
        assert part in str(refused.value)
    assert left_in(tmp_path) == ["evil.tar.gz"]


def test_a_cut_archive_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "cut.tar.gz"
    noise = np.random.default_rng(0).bytes(20_000)
    path.write_bytes(tar([("a", noise)])[:10_000])
    with pytest.raises(DataCorrupt, match=r"cut\.tar\.gz can't be read"):
        list(read_members(path))


def test_cifar_binary_records_are_a_label_and_three_planes(tmp_path: Path) -> None:
    def record(label: int, red: int, green: int, blue: int) -> bytes:
        return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024

    names = [f"cifar-10-batches-bin/data_batch_{k}.bin" for k in (3, 1, 2, 5, 4)]  # not in order
    members = [(name, record(int(name[-5]), 10, 20, int(name[-5]))) for name in names]
    members += [("cifar-10-batches-bin/test_batch.bin", record(9, 1, 2, 3)), ("cifar-10-batches-bin/readme.html", b"")]
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(tar(list(members)))
    images = read_cifar10_binary({path.name: path})
    assert images.y_train.tolist() == [1, 2, 3, 4, 5]
    assert images.x_train.shape == (5, 3, 32, 32)
    assert [np.unique(plane).tolist() for plane in images.x_train[2]] == [[10], [20], [3]]
    assert images.y_test.tolist() == [9]


def test_cifar_jpegs_are_decoded_channels_first_and_classes_take_turns(tmp_path: Path) -> None:
    def jpeg(number: int, label: int) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (32, 32), (20 * label, 100, 50 * number)).save(out, "JPEG", quality=95)
        return out.getvalue()

    members = [
        (f"cifar10/{part}/{kind}/{number:04}.jpg", jpeg(number, label))
        for part, n in (("test", 1), ("train", 2))
        for label, kind in enumerate(CIFAR_CLASSES)
        for number in range(n)
    ]
    path = tmp_path / "cifar10-jpeg-q75.tar.xz"
    path.write_bytes(tar(list(members), "w:xz"))
    images = read_cifar10_jpeg({path.name: path})
    assert images.y_train.tolist() == [*range(10), *range(10)]
    assert images.y_test.tolist() == [*range(10)]
    assert images.x_train.flags.c_contiguous
    # a flat colour survives JPEG but for rounding to and from YCbCr: 2 grey levels at most
    colours = images.x_train.astype(int)[:, :, 5, 7]
    assert np.abs(colours[:, 0] - 20 * images.y_train).max() <= 2
    assert np.abs(colours[:, 1] - 100).max() <= 2
    assert np.abs(colours[:, 2] - np.repeat([0, 50], 10)).max() <= 2


def wav(samples: np.ndarray, rate: int = 8000, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setframerate(rate)
        file.setsampwidth(2)
        file.setnchannels(channels)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def test_recordings_are_read_in_order_of_their_names_and_a_tenth_of_the_takes_is_held_out(tmp_path: Path) -> None:
    takes = [(digit, take) for take in range(19, -1, -1) for digit in (1, 0)]
    members = [(f"r/{d}_ann_{take}.wav", wav(np.array([d, take, -take][: 2 + d]))) for d, take in takes]
    path = tmp_path / "fsdd.tar.xz"
    path.write_bytes(tar([("README.md", b"words"), *members], "w:xz"))
    found = read_fsdd(path)
    assert [each.name for each in found] == sorted(f"{d}_ann_{take}" for d, take in takes)
    assert {each.name: each.samples.tolist() for each in found}["1_ann_7"] == [1, 7, -7]
    sounds = read_sounds({"fsdd.tar.xz": path})
    assert sounds.x_test.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, -1]]  # silence after the shorter
    assert sounds.y_test.tolist() == [0, 0, 1, 1]
    assert len(sounds.x_train) == 36


@pytest.mark.parametrize("form", [{"rate": 16000}, {"channels": 2}], ids=["rate", "channels"])
def test_a_recording_of_another_form_is_refused_by_both_names(tmp_path: Path, form: dict) -> None:
    path = tmp_path / "fsdd.tar.xz"
    path.write_bytes(tar([("r/0_ann_0.wav", wav(np.zeros(8), **form))], "w:xz"))
    with pytest.raises(DataCorrupt, match=r"fsdd\.tar\.xz: r/0_ann_0\.wav has \(Hz, bytes, channels\)"):
        read_fsdd(path)


@pytest.mark.parametrize(("rate", "last"), [(8000, 5), (16000, 4)], ids=["longer table", "rate"])
def test_a_table_that_does_not_fit_its_sound_is_refused(tmp_path: Path, rate: int, last: int) -> None:
    sound, table = tmp_path / "a.flac", tmp_path / "a.csv"
    soundfile.write(sound, np.arange(7, dtype=np.int16), rate, format="FLAC", subtype="PCM_16")
    table.write_text(f"digit,speaker,take,samples\n3,ann,0,3\n4,ann,1,{last}\n")
    with pytest.raises(DataCorrupt, match=rf"a\.flac has shape \(7,\) at {rate} Hz, a\.csv expects {3 + last} at 8000"):
        read_synthetic(sound, table)


def test_clips_of_one_sound_are_cut_where_the_table_says(tmp_path: Path) -> None:
    sound, table = tmp_path / "a.flac", tmp_path / "a.csv"
    soundfile.write(sound, np.arange(7, dtype=np.int16), 8000, format="FLAC", subtype="PCM_16")
    table.write_text("digit,speaker,take,samples\n3,ann,0,3\n4,ann,1,4\n")
    found = read_synthetic(sound, table)
    assert [(each.name, each.samples.tolist()) for each in found] == [("3_ann_0", [0, 1, 2]), ("4_ann_1", [3, 4, 5, 6])]


def test_each_reader_has_a_variant_and_reads_every_variant_of_its_data_set() -> None:
    variants = {(name, variant.label) for name, entry in registry().items() for variant in entry.variants}
    samples = {name for name, _ in READERS}  # the others come as files, read by their chapters
    assert {(name, label) for name, label in variants if name in samples} == set(READERS)
