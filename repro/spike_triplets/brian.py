"""The same rules written for Brian2, to take away and to check the others against.

One synapse a protocol, from a generator of presynaptic to one of postsynaptic spikes; the code generation target is
``numpy``, so nothing is compiled. Simulations run over clocked steps: keep trains short.
"""

from __future__ import annotations

from collections.abc import Sequence

import brian2 as b2
import numpy as np
from jaxtyping import Float

from repro.spike_triplets.protocols import Protocol
from repro.spike_triplets.rules import BCM, PairSTDP, TripletSTDP
from repro.spike_triplets.steady import FADED
from repro.spike_triplets.valley import ValleyRule
from repro.spike_triplets.voltage import VoltageRule
from repro.spike_triplets.voltage_kernels import AFTER_SPIKE, SECOND_PEAK

Trains = Sequence[tuple[np.ndarray, np.ndarray]]
Simulated = PairSTDP | TripletSTDP | BCM | ValleyRule | VoltageRule

TRIPLET = """
w : 1
dr1/dt = -r1/tau_plus : 1 (event-driven)
dr2/dt = -r2/tau_x : 1 (event-driven)
do1/dt = -o1/tau_minus : 1 (event-driven)
do2/dt = -o2/tau_y : 1 (event-driven)
"""
TRIPLET_PRE = "w -= o1*(a2_minus + a3_minus*r2); r1 {set} 1; r2 {set} 1"
TRIPLET_POST = "w += r1*(a2_plus + a3_plus*o2); o1 {set} 1; o2 {set} 1"

BCM_RATES = """
w = count_in*count_out/span*(plus*count_out/span - minus) : 1
span = clip(last/second, 1e-12, inf) : 1
count_in : 1
count_out : 1
last : second
"""
BCM_SPIKE = "count_{side} += 1; last = t"  # time counts from the first spike of both trains

VALLEY = """
dw/dt = (a*upper - b*lower*(1 - upper))*x/ms : 1 (clock-driven)
dx/dt = -x/tau_trace : 1 (clock-driven)
dafter/dt = -after/tau_after : 1 (clock-driven)
spiking = int(t - last_spike < spike_width + dt/2) : 1
v = resting_potential + epsp*x + after + spike_height*spiking : 1
upper = 0.5*(1 + tanh((v - theta_plus)/k_plus)) : 1
lower = 0.5*(1 + tanh((v - theta_minus)/k_minus)) : 1
last_spike : second
"""
VALLEY_PRE, VALLEY_POST = "x += 1", "after += after_depolarisation; last_spike = t"

ADEX = """
du/dt = int(held == 0)*(g*slope*exp((u - threshold)/slope) - g*(u - rest) - adaptation + current)/c/ms : 1
dadaptation/dt = int(held == 0)*(conductance*(u - rest) - adaptation)/tau_adaptation : 1
dcurrent/dt = -int(held == 0)*current/tau_after : 1
dthreshold/dt = int(held == 0)*(threshold_rest - threshold)/tau_threshold : 1
dlow/dt = (u - low)/tau_minus : 1
dhigh/dt = (u - high)/tau_plus : 1
held : integer
"""
ADEX_AFTER = """
ends = int(held == 1)
middle = int(held == wide + 1)
u = middle*second_peak + ends*after_spike + (1 - middle - ends)*u
adaptation += ends*adaptation_jump
current = ends*after_current + (1 - ends)*current
threshold = ends*threshold_max + (1 - ends)*threshold
held = held - int(held > 0)
"""
VOLTAGE = """
dw/dt = a_ltp*x*clip(u_post - theta_plus, 0, inf)*clip(high_post - theta_minus, 0, inf)/ms : 1 (clock-driven)
dx/dt = -x/tau_x : 1 (clock-driven)
"""
VOLTAGE_PRE = "w -= a_ltd*homeostasis*clip(low_post - theta_minus, 0, inf); x += jump"


def _generators(trains: Trains, dt: float) -> tuple[b2.SpikeGeneratorGroup, b2.SpikeGeneratorGroup, float]:
    """Pre- and postsynaptic spikes, each pair of trains moved to begin at 0, and the time (ms) of the last."""
    firsts = [min([*pre, *post]) for pre, post in trains]
    groups, last = [], 0.0
    for side in (0, 1):
        index = np.concatenate([np.full(len(train[side]), i) for i, train in enumerate(trains)])
        times = np.concatenate([np.asarray(t[side]) - first for t, first in zip(trains, firsts, strict=True)])
        groups.append(b2.SpikeGeneratorGroup(len(trains), index, times * b2.ms, dt=dt * b2.ms))
        last = max(last, times.max(initial=0.0))
    return groups[0], groups[1], last


def _times(names: dict[str, float]) -> dict[str, object]:
    """Parameters for Brian's namespace: what is called tau or ends in width is a time in ms."""
    return {k: v * b2.ms if k.startswith("tau") or k.endswith("width") else v for k, v in names.items()}


def _run(objects: list, duration: float, dt: float) -> None:
    net = b2.Network(*objects)
    b2.defaultclock.dt = dt * b2.ms
    net.run(duration * b2.ms, namespace={})


def weight_changes(rule: Simulated, trains: Trains, dt: float = 0.1, tail: float = 1.0) -> Float[np.ndarray, "trains"]:
    """Relative weight change of ``rule`` for each (pre, post), simulated by Brian2.

    Parameters
    ----------
    dt : step, ms; spike times should be multiples of it. Coincident spikes are handled pathway by pathway here, so the
        trains must have none.
    tail : time simulated behind the last spike, ms; rules with a continuous weight need some
    """
    b2.prefs.codegen.target = "numpy"
    rule = rule.as_triplet if isinstance(rule, PairSTDP) else rule
    pre, post, last = _generators(trains, dt)
    if isinstance(rule, TripletSTDP):
        synapses = _triplet(rule, pre, post)
    elif isinstance(rule, BCM):
        on_pre, on_post = (BCM_SPIKE.format(side=side) for side in ("in", "out"))
        amplitudes = {"plus": rule.plus, "minus": rule.minus}
        synapses = b2.Synapses(pre, post, BCM_RATES, on_pre=on_pre, on_post=on_post, namespace=amplitudes)
    elif isinstance(rule, ValleyRule):
        synapses = b2.Synapses(
            pre, post, VALLEY, on_pre=VALLEY_PRE, on_post=VALLEY_POST, method="euler",
            namespace=_times({k: getattr(rule, k) for k in rule.__dataclass_fields__}), dt=dt * b2.ms,
        )  # fmt: skip
    else:
        return _voltage(rule, pre, post, last + tail, dt)
    synapses.connect(j="i")
    if isinstance(rule, ValleyRule):
        synapses.last_spike = -1e6 * b2.ms
    _run([pre, post, synapses], last + tail, dt)
    return np.asarray(synapses.w[:])


def _triplet(rule: TripletSTDP, pre: b2.SpikeGeneratorGroup, post: b2.SpikeGeneratorGroup) -> b2.Synapses:
    assign = "=" if rule.scheme == "nearest" else "+="
    names = {k: getattr(rule, k) for k in rule.__dataclass_fields__ if k != "scheme"}
    on_pre, on_post = (code.format(set=assign) for code in (TRIPLET_PRE, TRIPLET_POST))
    return b2.Synapses(pre, post, TRIPLET, on_pre=on_pre, on_post=on_post, namespace=_times(names))


def _voltage(
    rule: VoltageRule, pre: b2.SpikeGeneratorGroup, post: b2.SpikeGeneratorGroup, duration: float, dt: float
) -> Float[np.ndarray, "trains"]:
    """The voltage rule: an adaptive exponential neuron a train, whose spikes are forced."""
    n = rule.neuron
    names = {
        "g": n.leak, "c": n.capacitance, "rest": n.resting_potential, "conductance": n.adaptation, "slope": n.slope,
        "tau_adaptation": n.tau_adaptation, "tau_after": n.tau_after, "tau_threshold": n.tau_threshold,
        "threshold_rest": n.threshold_rest, "threshold_max": n.threshold_max, "after_current": n.after_current,
        "peak": n.peak, "second_peak": SECOND_PEAK, "after_spike": AFTER_SPIKE, "wide": round(1 / dt),
    }  # fmt: skip
    names |= {k: getattr(rule, k) for k in rule.__dataclass_fields__ if k not in ("neuron", "dt", "weight_first")}
    namespace = _times(names)
    step = dt * b2.ms
    cells = b2.NeuronGroup(len(pre), ADEX, method="euler", namespace=namespace, dt=step, order=0)
    cells.u = cells.low = cells.high = n.resting_potential
    cells.threshold = n.threshold_rest
    cells.run_regularly(ADEX_AFTER, dt=step, when="groups", order=1)
    force = b2.Synapses(post, cells, on_pre="u_post = peak; held_post = 2*wide", namespace=namespace, dt=step)
    force.connect(j="i")
    # order -1: the weight is moved by the potential before this step changes it; 2: after all of it has changed
    synapses = b2.Synapses(
        pre, cells, VOLTAGE, on_pre=VOLTAGE_PRE, method="euler", namespace=namespace, dt=step,
        order=-1 if rule.weight_first else 2,
    )  # fmt: skip
    synapses.connect(j="i")
    _run([pre, post, cells, force, synapses], duration, dt)
    return np.asarray(synapses.w[:])


def largest_difference(rule: Simulated, trains: Trains, dt: float = 0.1) -> float:
    """Largest difference from the rule's own weight changes, over the largest of these; equal step, equal order.

    The trains are put on the grid of ``dt`` first; rules with a continuous weight run until all has faded.
    """
    gridded = [(np.rint(pre / dt) * dt, np.rint(post / dt) * dt) for pre, post in trains]
    if isinstance(rule, ValleyRule):
        ours, tail = [rule.stepped(*train, dt=dt) for train in gridded], FADED * max(rule.tau_trace, rule.tau_after)
    elif isinstance(rule, VoltageRule):
        ours, tail = [rule.weight_change(*train) for train in gridded], FADED * rule.neuron.tau_adaptation
    else:
        ours, tail = [rule.weight_change(*train) for train in gridded], 1.0
    theirs = weight_changes(rule, gridded, dt, tail)
    return float(np.abs(theirs - ours).max() / np.abs(ours).max())


def short(protocol: Protocol, seconds: float = 1.5, most: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """The trains of as many repetitions as fit into ``seconds``, between one and ``most``."""
    return protocol.repeated(int(np.clip(seconds * protocol.rate, 1, most))).trains()


def random_trains(seed: int, n: int = 20, duration: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """``n`` spikes on each side at random whole ms within ``duration``, none of them coincident."""
    times = np.random.default_rng(seed).choice(duration, 2 * n, replace=False).astype(float)
    return np.sort(times[:n]), np.sort(times[n:])
