"""Gabor functions fitted to many fields at once: variable projection with Levenberg-Marquardt steps.

A field is modelled as exp(-x'²/2σ² - y'²/2λ²) (A cos 2πf x' + B sin 2πf x'), with x' across the bars and y' along them.
A and B enter linearly and are solved for exactly [golub1973differentiation]; the six others move by damped Gauss-Newton
steps with Kaufman's Jacobian, all fields and all starts in the same arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Parameters = Float[np.ndarray, "fits 6"]
"""Columns: x, y (pixels), angle of the wave vector (radians), frequency (cycles/pixel), log width, log length."""

MAX_STEPS, ENOUGH = 40, 1e-5  # a fit rests when a step lowers its residual by less than this share
MIN_SPREAD, MAX_FREQUENCY = 0.4, 0.5  # pixels; cycles per pixel, the most that pixels can show


@dataclass(frozen=True, eq=False)
class GaborFit:
    """The best Gabor function of each field; lengths in pixels, places from the first pixel's middle."""

    r2: Float[np.ndarray, "units"]  # share of the field's variance that the fit explains
    x: Float[np.ndarray, "units"]  # column of the centre
    y: Float[np.ndarray, "units"]  # row of the centre
    orientation: Float[np.ndarray, "units"]  # angle of the bars from horizontal, counter-clockwise, 0 to π
    frequency: Float[np.ndarray, "units"]  # cycles per pixel
    width: Float[np.ndarray, "units"]  # standard deviation of the envelope across the bars
    length: Float[np.ndarray, "units"]  # standard deviation of the envelope along the bars
    even: Float[np.ndarray, "units"]  # amplitude of the cosine
    odd: Float[np.ndarray, "units"]  # amplitude of the sine

    def images(self, side: int) -> Float[np.ndarray, "units pixels"]:
        """The fitted functions as fields of side × side pixels."""
        angle = -self.orientation - np.pi / 2  # rows run down
        p = np.stack([self.x, self.y, angle, self.frequency, np.log(self.width), np.log(self.length)], axis=1)
        basis = _terms(p, side).basis
        # turning the wave vector by π changes the sign of the sine
        return basis[:, :, 0] * self.even[:, None] + basis[:, :, 1] * self.odd[:, None]


@dataclass(frozen=True, eq=False)
class _Terms:
    """What a model and its derivatives are built from."""

    across: Float[np.ndarray, "fits pixels"]
    along: Float[np.ndarray, "fits pixels"]
    basis: Float[np.ndarray, "fits pixels 2"]  # envelope times cosine and sine


def _terms(p: Parameters, side: int) -> _Terms:
    rows, columns = np.divmod(np.arange(side * side), side)
    x, y, angle, frequency, log_width, log_length = p.T[:, :, None]
    dx, dy = columns - x, rows - y
    across, along = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    envelope = np.exp(-0.5 * (across * np.exp(-log_width)) ** 2 - 0.5 * (along * np.exp(-log_length)) ** 2)
    wave = envelope * np.exp(2j * np.pi * frequency * across)
    return _Terms(across, along, np.stack([wave.real, wave.imag], axis=2))


def _solve(
    basis: Float[np.ndarray, "fits pixels 2"], target: Float[np.ndarray, "fits pixels columns"]
) -> Float[np.ndarray, "fits 2 columns"]:
    """Least squares of each column on the two basis functions; a sine that vanishes gets no amplitude."""
    gram = basis.transpose(0, 2, 1) @ basis
    gram[:, [0, 1], [0, 1]] += 1e-9 * (gram[:, 0, 0] + gram[:, 1, 1])[:, None] + 1e-300
    return np.linalg.solve(gram, basis.transpose(0, 2, 1) @ target)


def _residual(terms: _Terms, target: Float[np.ndarray, "fits pixels"]) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes and what they leave unexplained."""
    amplitudes = _solve(terms.basis, target[:, :, None])
    return amplitudes[:, :, 0], target - (terms.basis @ amplitudes)[:, :, 0]


def _jacobian(
    p: Parameters, terms: _Terms, amplitudes: Float[np.ndarray, "fits 2"]
) -> Float[np.ndarray, "fits 6 pixels"]:
    """Derivatives of the model by the six parameters, their part in the span of the basis taken out."""
    cosine, sine = np.cos(p[:, 2])[:, None], np.sin(p[:, 2])[:, None]
    even, odd = amplitudes[:, :1], amplitudes[:, 1:]
    model = terms.basis[:, :, 0] * even + terms.basis[:, :, 1] * odd
    turned = terms.basis[:, :, 0] * odd - terms.basis[:, :, 1] * even  # derivative by the phase
    narrow, short = np.exp(-2 * p[:, 4])[:, None], np.exp(-2 * p[:, 5])[:, None]
    by_across = 2 * np.pi * p[:, 3, None] * turned - terms.across * narrow * model
    by_along = -terms.along * short * model
    derivatives = np.stack(
        [
            sine * by_along - cosine * by_across,
            -cosine * by_along - sine * by_across,
            terms.along * by_across - terms.across * by_along,
            2 * np.pi * terms.across * turned,
            terms.across**2 * narrow * model,
            terms.along**2 * short * model,
        ],
        axis=1,
    )
    return derivatives - (terms.basis @ _solve(terms.basis, derivatives.transpose(0, 2, 1))).transpose(0, 2, 1)


def _bounded(p: Parameters, side: int) -> Parameters:
    low = np.array([-0.25 * side, -0.25 * side, -np.inf, 0.0, np.log(MIN_SPREAD), np.log(MIN_SPREAD)])
    high = np.array([1.25 * side, 1.25 * side, np.inf, MAX_FREQUENCY, np.log(2 * side), np.log(2 * side)])
    return np.clip(p, low, high)


def _starts(targets: Float[np.ndarray, "units pixels"], side: int) -> Float[np.ndarray, "starts units 6"]:
    """From each field's strongest frequencies and its centre of energy: two frequencies, two sizes."""
    units, padded = len(targets), 2 * side
    images = targets.reshape(units, side, side)
    power = abs(np.fft.fft2(images, (padded, padded))) ** 2
    frequency = np.fft.fftfreq(padded)
    radius = np.hypot(frequency[None, :], frequency[:, None])
    power[:, radius > MAX_FREQUENCY] = 0
    peak = np.argmax((power * radius).reshape(units, -1), axis=1)
    fy, fx = frequency[peak // padded], frequency[peak % padded]
    energy = images**2 / (images**2).sum(axis=(1, 2), keepdims=True)
    # places near the strongest one alone, so that a second blob far away does not pull the centre between both
    weight = energy**2 / (energy**2).sum(axis=(1, 2), keepdims=True)
    x, y = (weight.sum(axis=1) * np.arange(side)).sum(1), (weight.sum(axis=2) * np.arange(side)).sum(1)
    angle, centre = np.arctan2(fy, fx), np.hypot(fx, fy)
    starts = [
        np.stack([x, y, angle, scale * centre, np.full(units, width), np.full(units, length)], axis=1)
        for scale in (1.0, 0.6)
        for width, length in ((np.log(1.2), np.log(1.8)), (np.log(2.2), np.log(3.5)))
    ]
    return np.stack(starts)


def gabor_fit(field_weights: Float[np.ndarray, "units pixels"]) -> GaborFit:
    """The best Gabor function of each field, by R².

    Parameters
    ----------
    field_weights : fields of a square number of pixels, in any unit

    Raises ValueError if the pixels are no square, or a field is not finite or constant.
    """
    side = math.isqrt(field_weights.shape[1])
    if side**2 != field_weights.shape[1]:
        raise ValueError(f"fields have {field_weights.shape[1]} pixels; a square number is needed")
    targets = np.asarray(field_weights, dtype=np.float64)
    spread = targets.std(axis=1, keepdims=True)
    if not (np.isfinite(spread).all() and (spread > 0).all()):
        raise ValueError(f"field {int(np.argmin(np.nan_to_num(spread)))} is constant or not finite: nothing to fit")
    targets = targets / (spread * side)
    starts = _starts(targets, side)
    every = np.concatenate(list(starts))
    p, loss, amplitudes = _descend(_bounded(every, side), np.tile(targets, (len(starts), 1)), side)
    best = np.argmin(loss.reshape(len(starts), -1), axis=0)
    chosen = best * len(targets) + np.arange(len(targets))
    return _described(p[chosen], loss[chosen], amplitudes[chosen] * spread * side)


def _described(p: Parameters, loss: Float[np.ndarray, "units"], amplitudes: Float[np.ndarray, "units 2"]) -> GaborFit:
    """Parameters as a reader wants them; the field's variance is 1 per fit, so that R² is 1 - loss."""
    bars = -p[:, 2] - np.pi / 2  # rows run down, so that counter-clockwise on the page is a falling angle
    turns = np.floor(bars / np.pi)
    width, length = np.exp(p[:, 4]), np.exp(p[:, 5])
    odd = np.where(turns % 2 == 0, amplitudes[:, 1], -amplitudes[:, 1])
    return GaborFit(1 - loss, p[:, 0], p[:, 1], bars - turns * np.pi, p[:, 3], width, length, amplitudes[:, 0], odd)


def _descend(
    p: Parameters, targets: Float[np.ndarray, "fits pixels"], side: int
) -> tuple[Parameters, Float[np.ndarray, "fits"], Float[np.ndarray, "fits 2"]]:
    """Levenberg-Marquardt from every start; a step that does not lower the residual is taken back and damped more."""
    p = p.copy()
    terms = _terms(p, side)
    amplitudes, residual = _residual(terms, targets)
    loss, damping = (residual**2).sum(axis=1), np.full(len(p), 1e-2)
    active = np.arange(len(p))
    for _ in range(MAX_STEPS):
        terms = _terms(p[active], side)
        own, residual = _residual(terms, targets[active])
        jacobian = _jacobian(p[active], terms, own)
        normal = jacobian @ jacobian.transpose(0, 2, 1)
        scale = np.einsum("nii->ni", normal) + 1e-12
        normal[:, range(6), range(6)] += damping[active, None] * scale
        step = np.linalg.solve(normal, jacobian @ residual[:, :, None])[:, :, 0]
        tried = _bounded(p[active] + np.clip(step, -1.5, 1.5), side)
        found, residual = _residual(_terms(tried, side), targets[active])
        lost = (residual**2).sum(axis=1)
        better = lost < loss[active]
        gain = np.where(better, 1 - lost / np.maximum(loss[active], 1e-30), 0.0)
        taken = active[better]
        p[taken], loss[taken], amplitudes[taken] = tried[better], lost[better], found[better]
        damping[active] *= np.where(better, 0.3, 6.0)
        resting = (better & (gain < ENOUGH)) | (damping[active] > 1e6)
        active = active[~resting]
        if not len(active):
            break
    return p, loss, amplitudes
