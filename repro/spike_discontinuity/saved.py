"""What the authors' public notebooks and pickle files hold, to be drawn beside [lansdell2023neural].

Values of curves were read by eye from saved output (± 0.05 of the axis); those of Fig 5 are from pickle files, exact.
None was read off a printed figure.
"""

from __future__ import annotations

CORRELATIONS = (0.01, 0.25, 0.5, 0.75, 0.99)

OBSERVED_3A = dict(zip(CORRELATIONS, (4.84, 4.58, 4.26, 3.94, 3.54), strict=True))
"""Observed dependence of unit 1, Fig 3A."""
SPIKING_3A = (5.3, 5.7)
"""Range of the constant estimate of unit 1 for p up to 0.1 and all correlations, Fig 3A."""
LINEAR_3B = (5.4, 5.75)
"""Range of the linear estimate of unit 1 at p = 1, Fig 3B."""
MODES_3D = {"spiking discontinuity": (0.15, 0.20), "observed dependence": (0.25, 0.30)}
"""Modes of the relative errors over weights."""
ASYMMETRIC_S2 = dict(zip(CORRELATIONS, (5.1, 4.9, 4.7, 4.4, 4.0), strict=True))
"""Asymmetric constant estimate of unit 1 at p = 0.1."""
ONLINE_4B = {"spiking discontinuity": (0.001, -0.022), "observed dependence": (-0.002, -0.017)}
"""Batch estimates of units 1 and 2 over the filter's step."""
LOG_ERRORS = {
    "online rule": {0.01: (-0.65, -0.55), 0.99: (-0.65, -0.55)},
    "spiking discontinuity": {0.01: (-1.1, -1.1), 0.99: (-0.75, -0.75)},
    "observed dependence": {0.25: (-0.8, -0.8), 0.5: (-0.5, -0.5), 0.75: (-0.25, -0.25), 0.99: (-0.1, -0.1)},
}
"""Log10 relative errors (not printed in the article); their reference is the observed dependence at c = 0.01."""
SHARES_4E = {(0.1, 0.01): 0.85, (1.0, 0.01): 0.69, (1.0, 0.5): 0.74}
"""Share of starts within 2 of the minimum after 500 s, by half-width and correlation."""
MEAN_DISTANCES_4E = {(0.1, 0.01): 1.4, (1.0, 0.01): 1.75, (0.1, 0.5): 1.5, (1.0, 0.5): 2.1}
"""Mean distance to the minimum after 500 s, by half-width and correlation."""

SIZES_5A = (10, 46, 215, 1000)
ANGLES_5A = {
    "spiking discontinuity": {
        0.01: (14, 16, 37, 60),
        0.25: (14, 16, 38, 63),
        0.5: (15, 20, 42, 67),
        0.75: (18, 26, 49, 72),
        0.99: (61, 67, 78, 85),
    },
    "observed dependence": {
        0.01: (9, 10, 25, 47),
        0.25: (15, 37, 62, 79),
        0.5: (22, 57, 75, 84),
        0.75: (25, 68, 80, 86),
        0.99: (80, 77, 84, 87),
    },
}
"""Mean angles (degrees) to one observed dependence at c = 0.001; those of the observed dependence are folded to 90."""
MEANS_5B = {
    "observed dependence": {0.0: 1.0e-4, 0.3: 1.6e-4, 0.7: 4.1e-4},
    "spiking discontinuity": {0.0: 0.85e-4, 0.3: 0.55e-4, 0.7: 0.85e-4},
}
"""Means over ten units; the second layer was drawn anew for each correlation."""
STEP_6 = (0.0021, 0.0024)
"""Range of the step over rates, spikes a ms."""
