"""Learned feedback weights: the five primitives of Kunin et al. 2020 for any torch network [kunin2020two]."""
