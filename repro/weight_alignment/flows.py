"""One weight and one feedback weight that both follow the potential: why mirroring needs null, in two dimensions.

With scalar w and b, input variance s and both moving down
``R = -growth w b + (decay/2)(w² + b²) + (null/2) w² b²``, where growth = amp s + self_weight and null = (null
coefficient) s, the sum u = w + b and the difference v = w - b obey, with p = w b,

    du/dt = (growth - decay - null p) u        dv/dt = -(growth + decay - null p) v.

In training only b moves; ``feedback_response`` is that case. Derived by this book from [kunin2020two]; the paper's
own figure of this flow was not at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from repro.weight_alignment.rules import Rule

Times = Float[np.ndarray, "times"]
Path = Float[np.ndarray, "times 2"]  # w and b
State = tuple[float, float]  # w and b


@dataclass(frozen=True)
class ScalarFlow:
    """The flow of (w, b): weight mirroring and symmetric alignment at null = 0, else information alignment."""

    growth: float  # amp times input variance, plus self_weight; per unit of time
    decay: float  # on both w and b, per unit of time
    null: float = 0.0  # null coefficient times input variance

    def __post_init__(self) -> None:
        for name in ("growth", "decay", "null"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"ScalarFlow: {name} is {value!r}; allowed is a finite number, 0 or larger")


@dataclass(frozen=True)
class FixedPoint:
    """A point where the flow rests, with the eigenvalues along (1, 1)/√2 and (1, -1)/√2, per unit of time."""

    w: float
    b: float
    along: float
    across: float

    @property
    def attracts(self) -> bool:
        """Whether nearby states return to it."""
        return self.along < 0 and self.across < 0


def scalar_flow(rule: Rule, input_variance: float = 1.0) -> ScalarFlow:
    """The flow of a rule of amp, self_weight, decay and null. Refuses others: sparse would act on b alone."""
    if rule.tied or rule.follows_weight_gradient or rule.sparse:
        raise ValueError(f"scalar_flow: only amp, self_weight, decay and null make this flow, not {rule}")
    return ScalarFlow(rule.amp * input_variance + rule.self_weight, rule.decay, rule.null * input_variance)


def velocity(
    flow: ScalarFlow, w: Float[np.ndarray, "*grid"] | float, b: Float[np.ndarray, "*grid"] | float
) -> tuple[Float[np.ndarray, "*grid"], Float[np.ndarray, "*grid"]]:
    """dw/dt and db/dt, of any shape, e.g. on a grid for a phase plane."""
    w, b = np.asarray(w, dtype=float), np.asarray(b, dtype=float)
    pull = flow.growth - flow.null * w * b
    return np.asarray(pull * b - flow.decay * w), np.asarray(pull * w - flow.decay * b)


def simulate(flow: ScalarFlow, start: State, times: Times) -> Path:
    """The path from ``start`` (w, b) at times[0], integrated (Dormand-Prince 8, relative tolerance 1e-10).

    Raises RuntimeError if the integration fails.
    """
    solution = solve_ivp(
        lambda _, state: np.array(velocity(flow, state[0], state[1])),
        (float(times[0]), float(times[-1])),
        start,
        method="DOP853",
        t_eval=times,
        rtol=1e-10,
        atol=1e-13,
    )
    if not solution.success:
        raise RuntimeError(f"simulate: {solution.message}")
    return solution.y.T


def closed_form(flow: ScalarFlow, start: State, times: Times) -> Path:
    """The exact path from ``start`` (w, b) at times[0].

    Without null from anywhere: u and v grow and shrink exponentially. With null on the diagonal w = b (or w = -b,
    where p = -w²), a logistic equation for w². Raises ValueError elsewhere: there only the product u v is elementary
    (``sum_times_difference``).
    """
    w0, b0 = start
    elapsed = np.asarray(times, dtype=float) - float(times[0])
    if flow.null == 0:
        u = (w0 + b0) * np.exp((flow.growth - flow.decay) * elapsed)
        v = (w0 - b0) * np.exp(-(flow.growth + flow.decay) * elapsed)
        return np.stack([(u + v) / 2, (u - v) / 2], axis=1)
    if abs(w0) != abs(b0):
        raise ValueError(f"closed_form: with null only from |w| = |b|, not from w = {w0}, b = {b0}; use simulate")
    side = 1.0 if w0 == b0 else -1.0
    rate = 2 * (side * flow.growth - flow.decay)  # of w², while it is small
    grown = elapsed if rate == 0 else np.expm1(rate * elapsed) / rate
    w = w0 * np.exp(rate * elapsed / 2) / np.sqrt(1 + 2 * flow.null * w0**2 * grown)
    return np.stack([w, side * w], axis=1)


def sum_times_difference(flow: ScalarFlow, start: State, times: Times) -> Times:
    """u v = w² - b² along any path: it decays at twice the decay, whatever growth and null are."""
    elapsed = np.asarray(times, dtype=float) - float(times[0])
    return (start[0] ** 2 - start[1] ** 2) * np.exp(-2 * flow.decay * elapsed)


def fixed_points(flow: ScalarFlow) -> list[FixedPoint]:
    """The isolated fixed points: the origin, and where growth > decay > 0 and null > 0 the pair w = b = ±c.

    c² = (growth - decay)/null. Without null and at growth = decay all of the diagonal w = b rests: the origin is
    then given with eigenvalue 0 along it.
    """
    origin = FixedPoint(0.0, 0.0, flow.growth - flow.decay, -(flow.growth + flow.decay))
    if flow.null == 0 or flow.growth <= flow.decay:
        return [origin]
    c = float(np.sqrt((flow.growth - flow.decay) / flow.null))
    pair = [FixedPoint(s * c, s * c, -2 * (flow.growth - flow.decay), -2 * flow.decay) for s in (1.0, -1.0)]
    return [origin, *pair]


def feedback_response(rule: Rule, weight: float, initial: float, times: Times, input_variance: float = 1.0) -> Times:
    """The path of b when the weight rests: db/dt = (amp s + self_weight) w - (decay + null s w² + sparse s) b."""
    if rule.tied or rule.follows_weight_gradient:
        raise ValueError(f"feedback_response: only primitives make this flow, not {rule}")
    drive = (rule.amp * input_variance + rule.self_weight) * weight
    rate = rule.decay + input_variance * (rule.null * weight**2 + rule.sparse)
    elapsed = np.asarray(times, dtype=float) - float(times[0])
    reached = elapsed if rate == 0 else -np.expm1(-rate * elapsed) / rate
    return initial * np.exp(-rate * elapsed) + drive * reached
