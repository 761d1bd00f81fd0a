"""Speech, two eyes and complex cells on signals whose answer is known; features compared on planted data."""

import numpy as np
import pytest

from repro.data import DataUnavailable
from repro.data.catalogue import registry
from repro.data.places import find
from repro.errors import Mistake
from repro.nonlinear_hebbian import binocular, complex_cells, senses, speech
from repro.nonlinear_hebbian.patches import whiten


@pytest.fixture
def synthetic(monkeypatch, tmp_path):
    """The speech that comes with the book, whatever else is on this machine."""
    monkeypatch.delenv("REPRO_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return speech.load_speech()


def images(n=3, seed=0):
    return list(np.random.default_rng(seed).standard_normal((n, 60, 70)))


# --- speech -----------------------------------------------------------------------------------------------------


def test_without_recordings_the_speech_is_synthetic_and_says_so(synthetic):
    assert "synthetic" in synthetic.title
    assert "not recorded from people" in synthetic.note
    assert len(synthetic.clips) == len(synthetic.speakers) == 120
    assert len(set(synthetic.speakers)) == 6
    assert synthetic.facts["clips"] == 120


def test_recordings_have_six_speakers_of_five_hundred_clips():
    if find(registry()["fsdd"]).variant.label != "recordings":
        pytest.skip("fsdd is not on this machine")
    sounds = speech.load_speech()
    names, counts = np.unique(sounds.speakers, return_counts=True)
    assert list(names) == ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    assert (counts == 500).all()
    seconds = np.array([len(clip) for clip in sounds.clips]) / speech.RATE
    assert (seconds.min(), seconds.max()) == pytest.approx((0.14, 2.28), abs=0.01)  # as its registry entry says


def test_a_path_without_speech_is_refused(tmp_path):
    with pytest.raises(DataUnavailable, match=r"fsdd\.tar\.xz"):
        speech.load_speech(tmp_path)


@pytest.mark.parametrize("hertz", [300.0, 1000.0, 2500.0])
def test_a_tone_is_loudest_in_its_own_band(hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(4000) / speech.RATE)
    middles = np.geomspace(speech.LOW_HZ, speech.HIGH_HZ, speech.BANDS)
    picture = speech.spectrogram(tone)
    assert picture.shape == (48, speech.BANDS)  # windows of 200 samples every 80
    assert (picture.argmax(axis=1) == np.argmin(abs(np.log(middles / hertz)))).all()


def test_loudness_of_a_clip_does_not_matter():
    clip = np.random.default_rng(0).standard_normal(4000)
    assert speech.spectrogram(100 * clip) == pytest.approx(speech.spectrogram(clip), abs=1e-4)  # float32


@pytest.mark.parametrize("clip", [np.zeros(4000), np.full(4000, np.nan), np.ones(50)])
def test_a_clip_without_sound_is_refused(clip):
    with pytest.raises(Mistake, match="power"):
        speech.spectrogram(clip)


def test_a_piece_is_twenty_frames_of_its_clip(synthetic):
    heard, held = speech.split_speakers(synthetic)
    assert not set(heard) & set(held)
    one = speech.Speech("one", synthetic.clips[:1], synthetic.speakers[:1])
    rows = speech.pieces(one, one.speakers, 1, seed=0)
    picture = speech.spectrogram(one.clips[0])
    assert len(rows) == len(picture) - speech.FRAMES + 1
    assert np.array_equal(rows[3].reshape(speech.BANDS, speech.FRAMES), picture[3 : 3 + speech.FRAMES].T)
    with pytest.raises(Mistake, match="nobody"):
        speech.pieces(synthetic, ("nobody",), 1, seed=0)


# --- two eyes -----------------------------------------------------------------------------------------------------


def test_the_right_eye_sees_the_same_place_one_pixel_further():
    ramp = np.add.outer(np.arange(40) ** 2, 3 * np.arange(50) ** 2).astype(float)
    left, right = np.split(binocular.shifted([ramp], 6, 300, seed=0), 2, axis=1)
    left, right = left.reshape(-1, 6, 6), right.reshape(-1, 6, 6)
    # differences along a row are free of the means that were removed
    l_steps, r_steps = np.diff(left, axis=2), np.diff(right, axis=2)
    further = np.isclose(r_steps[:, :, :-1], l_steps[:, :, 1:], atol=1e-2).all(axis=(1, 2))
    nearer = np.isclose(r_steps[:, :, 1:], l_steps[:, :, :-1], atol=1e-2).all(axis=(1, 2))
    assert (further ^ nearer).all()
    assert 0.4 < further.mean() < 0.6


def test_eyes_with_unrelated_patches_share_nothing():
    patches = binocular.unrelated(images(), 6, 20_000, seed=1)
    assert patches.mean(axis=1) == pytest.approx(0, abs=1e-5)
    across = patches[:, :36].T @ patches[:, 36:] / len(patches)
    assert abs(across).max() < 5 / np.sqrt(len(patches))  # 5 standard errors


def test_fixated_patches_of_a_flat_scene_are_the_same_in_both_eyes():
    left = np.random.default_rng(2).standard_normal((30, 60))
    disparity = np.full(left.shape, 7.0)
    disparity[:5] = np.nan
    right = np.roll(left, -7, axis=1)
    eyes = np.split(binocular.fixated([binocular.StereoPair(left, right, disparity)], 8, 500, seed=0), 2, axis=1)
    assert eyes[0] == pytest.approx(eyes[1], abs=1e-6)
    with pytest.raises(Mistake, match="no patch"):
        binocular.fixated([binocular.StereoPair(left, right, np.full(left.shape, np.nan))], 8, 5, seed=0)


def test_ocular_dominance_runs_from_one_eye_to_the_other():
    fields = np.array([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, -1.0]])
    assert binocular.ocular_dominance(fields) == pytest.approx([1.0, -1.0, 0.0])


def test_stereo_scenes_match_better_where_their_disparity_says():
    pairs = binocular.load_stereo()
    if pairs is None:
        pytest.skip("middlebury is not on this machine")
    for pair in pairs:
        rows, columns = np.nonzero(np.isfinite(pair.disparity))
        moved = columns - np.round(pair.disparity[rows, columns]).astype(int)
        inside = moved >= 0
        here = abs(pair.left[rows, columns] - pair.right[rows, columns])[inside]
        there = abs(pair.left[rows, columns][inside] - pair.right[rows[inside], moved[inside]])
        assert np.median(there) < 0.3 * np.median(here)  # a fifth to a seventh, as the mirror's notes have it


# --- complex cells ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(complex_cells.ORIENTATIONS))
def test_a_grating_drives_the_cell_of_its_orientation_whatever_its_phase(which):
    angle = which * np.pi / complex_cells.ORIENTATIONS
    y, x = np.mgrid[:40, :40]
    along = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / complex_cells.WAVELENGTH
    energies = [complex_cells.energies(np.cos(along + phase)) for phase in (0.0, 1.0, 2.5)]
    assert (energies[0].argmax(axis=0) == which).all()
    for energy in energies:  # constant in place and phase up to what the envelope cuts off
        assert energy[which] == pytest.approx(energies[0][which].mean(), rel=0.1)


def test_energy_does_not_see_the_sign_of_contrast():
    (image,) = images(1)
    assert complex_cells.energies(-image) == pytest.approx(complex_cells.energies(image), rel=1e-4)


def test_a_row_holds_the_energies_on_a_grid():
    (image,) = images(1)
    maps = complex_cells.energies(image)
    row = complex_cells.responses([image], 5, seed=0)[0].reshape(8, 5, 5)
    (at,) = np.argwhere(maps[0] == row[0, 0, 0])
    assert np.array_equal(row, maps[:, at[0] : at[0] + 17 : 4, at[1] : at[1] + 17 : 4])


def test_bars_lie_across_the_wave_of_their_cell():
    field = np.zeros(200)
    field[2 * 25 + 1 * 5 + 3] = 0.7  # third orientation, row 1, column 3
    x, y, angle, weight = complex_cells.bars(field)[np.argmax(field)]
    assert (x, y, weight) == (3, 1, 0.7)
    assert angle == pytest.approx(2 * np.pi / 8 + np.pi / 2)


@pytest.mark.parametrize("image", [np.ones((40, 40)), np.eye(20)])
def test_an_image_without_room_or_contrast_is_refused(image):
    with pytest.raises(Mistake, match="image 0"):
        complex_cells.responses([image], 5, seed=0)


# --- comparisons --------------------------------------------------------------------------------------------------


@pytest.fixture
def planted():
    """A sense in which one direction alone has a long tail; another, Gaussian, has more variance."""
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.standard_normal((9, 9)))[0]

    def draw(n):
        sources = rng.standard_normal((n, 9))
        sources[:, 0] = rng.laplace(size=n) * (rng.random(n) < 0.1)
        sources[:, 1] *= 5
        return (sources @ mixing.T).astype(np.float32)

    white = whiten(draw(20_000), 9, remove_mean=False)
    by_hand = white.from_pixels(mixing[:, 1][None])[0]
    return senses.Sense("planted", white, white.apply(draw(10_000)), by_hand, "the Gaussian one"), mixing[:, 0]


def test_the_long_tail_is_learned_and_wins_under_all_five(planted):
    sense, long_tail = planted
    learned = sense.learned(4, seed=1)
    assert abs(sense.white.to_pixels(learned) @ long_tail) == pytest.approx(1, abs=0.02)
    assert (senses.tail_ratio(sense, learned, seed=2) > 2).all()  # random ones overlap with it, of nine directions
    compared = senses.comparisons(sense, learned, seed=3)
    assert compared.shape == (4, 5, 3)
    assert (senses.won(compared) == 5).all()


def test_a_feature_that_is_not_the_best_wins_less(planted):
    sense, _ = planted
    worse = np.tile(sense.random(1, seed=9), (4, 1))
    sense = senses.Sense("planted", sense.white, sense.held_out, sense.learned(1, seed=1)[0], "the long tail")
    assert (senses.won(senses.comparisons(sense, worse, seed=3)) == 0).all()


def test_variance_on_held_out_data_gives_no_feature_an_advantage(planted):
    sense, _ = planted
    features = senses.three_features(sense, sense.learned(1, seed=1)[0], seed=5)
    scale = np.array([[1.0], [10.0], [0.1]], dtype=np.float32)
    values = senses.values(sense.held_out, features)
    assert senses.values(sense.held_out, scale * features) == pytest.approx(values, rel=1e-4, abs=1e-6)
    assert senses.responses(sense.held_out, features).std(axis=0) == pytest.approx(1, abs=1e-5)


def test_three_senses_can_be_made_of_little(synthetic):
    pictures, others = images(3), images(2, seed=1)
    made = [
        senses.speech_sense(synthetic, 40, seed=0, held_clips=20),
        senses.complex_sense(pictures, others, 1500, seed=0, keep=30),
        senses.strabismus_sense(pictures, others, 1500, seed=0, size=6, keep=70),  # all that two means leave
    ]
    for sense in made:
        assert np.linalg.norm(sense.by_hand) == pytest.approx(1, abs=1e-4)
        assert sense.held_out.shape[1] == sense.white.components.shape[1] == len(sense.by_hand)
    eyes = np.split(made[2].white.to_pixels(made[2].by_hand[None])[0], 2)
    assert np.dot(eyes[0], eyes[1]) / np.linalg.norm(eyes[0]) / np.linalg.norm(eyes[1]) > 0.99


def test_the_best_feature_is_the_one_of_largest_value(planted):
    sense, long_tail = planted
    candidates = np.concatenate([sense.random(3, seed=4), sense.white.from_pixels(long_tail[None])])
    assert np.array_equal(senses.best_of(sense, candidates), candidates[3])


def test_two_eyes_learn_fields_of_one_eye_from_patches_that_share_nothing():
    rng = np.random.default_rng(0)
    sources = rng.laplace(size=(20_000, 4)) * np.abs(rng.standard_normal((20_000, 4)))
    mixing = np.zeros((8, 4))  # two patterns of 4 pixels in each eye
    mixing[:4, :2], mixing[4:, 2:] = rng.standard_normal((2, 4, 2))
    raw = (sources @ mixing.T).astype(np.float32)
    fields, dominance = senses.eyes_learned(raw, 8, seed=0, keep=4)
    assert fields.shape == (8, 8)
    assert np.median(abs(dominance)) > 0.9
