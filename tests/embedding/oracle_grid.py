"""Which input meets which optimizer, option and number of hosts in the matrix."""

from pathlib import Path

import numpy as np
from shardline_tests import load

cases = load(Path(__file__).with_name("cases.py"))
RATE = 0.05
RATES = (0.05, 0.2, 0.01)
DECAY = {"weight_decay_factor": 0.1}
BY_RATE = {"multiply_weight_decay_factor_by_learning_rate": True}
ONE_BY_ONE = {"use_gradient_accumulation": False}
CLIPS = {"clipvalue": (-0.8, 0.6), "clip_weight_min": -1.0, "clip_weight_max": 0.9}
NESTEROV = {"momentum": 0.9, "use_nesterov": True}
TIMES_RATE = {"multiply_linear_by_learning_rate": True}
L1_L2 = {"l1_regularization_strength": 0.3, "l2_regularization_strength": 0.1}
# Options by rule; a rule starts with the name of its optimizer.
PLAIN = {name: {} for name in ("SGD", "Adagrad", "AdagradMomentum", "Adam", "FTRL")}
OPTIONS = {
    "SGD-quantized": {},
    "SGD-clip": dict(clipvalue=0.5),
    "SGD-clip-above": dict(clipvalue=(None, 0.3), clip_weight_max=0.5),
    "SGD-decay": DECAY,
    "SGD-decay-by-rate": dict(weight_decay_factor=2.0, **BY_RATE),
    "SGD-one-by-one": ONE_BY_ONE | DECAY,
    "SGD-rates": dict(learning_rate=RATES, **CLIPS, **DECAY, **BY_RATE),
    "Adagrad-start": dict(initial_accumulator_value=1.5),
    "Adagrad-clip-decay": CLIPS | DECAY,
    "Adagrad-one-by-one": dict(clip_weight_max=0.5, **ONE_BY_ONE),
    "Adagrad-rates": dict(learning_rate=RATES),
    "AdagradMomentum-momentum": dict(momentum=0.9),
    "AdagradMomentum-nesterov-clip-decay": NESTEROV | CLIPS | DECAY,
    "AdagradMomentum-beta2": dict(momentum=0.5, beta2=0.9, exponent=3.0, epsilon=1e-3),
    "AdagradMomentum-one-by-one": dict(learning_rate=RATES, **NESTEROV, **ONE_BY_ONE),
    "Adam-outside": dict(sum_inside_sqrt=False, epsilon=0.01),
    "Adam-betas-rates": dict(beta_1=0.5, beta_2=0.7, learning_rate=RATES),
    "Adam-all-rows": dict(lazy_adam=False),
    "Adam-all-rows-clip-decay": dict(lazy_adam=False, **CLIPS, **DECAY),
    "Adam-one-by-one": ONE_BY_ONE,
    "FTRL-regularized": dict(beta=0.5, **L1_L2),
    "FTRL-power-clip-decay": dict(learning_rate_power=-0.3, **CLIPS, **DECAY),
    "FTRL-times-rate": TIMES_RATE | L1_L2,
    "FTRL-times-rates": dict(beta=0.5, learning_rate=RATES, **TIMES_RATE),
    "FTRL-start": dict(allow_zero_accumulator=True, initial_accumulator_value=1e-6),
    "FTRL-one-by-one": ONE_BY_ONE | DECAY,
}
RULES = PLAIN | OPTIONS
INPUTS = {str(case): case for case in cases.CASES + cases.SHAPED}
# One input of each kind, for all options.
SAMPLE = ["dense-sum", "dense3-mean", "sparse-mean-weighted", "ragged-sqrtn-weighted"]
SAMPLE += ["sparse3-sum-weighted", "ragged-sequence3"]
# Updates one by one take long: on every other of these inputs only.
GRID = [
    (name, hosts, rule)
    for name in INPUTS
    for hosts in (1, 2, 3)
    for rule in (RULES if name in SAMPLE else PLAIN)
    if "one-by-one" not in rule or name in SAMPLE[::2]
]
# For stock ops two hosts, options on one kind of input, and no input without weights
# that comes with weights as well.
STOCK_GRID = [
    (name, hosts, rule)
    for name, hosts, rule in GRID
    if hosts == 2 and (rule in PLAIN or name == SAMPLE[2])
    if f"{name}-weighted" not in INPUTS
]
COMPILED = dict(zip(list(INPUTS)[::3], list(RULES)[::3], strict=False))
PIPELINED = [*PLAIN, "SGD-quantized", "SGD-rates", "Adam-all-rows", "FTRL-one-by-one"]
REPLICATED = [*PLAIN, "SGD-quantized", "Adagrad-clip-decay", "Adam-all-rows"]
# Weights of sequences are not looked at.
FAULTS = [
    (name, fault)
    for name, case in INPUTS.items()
    for fault in cases.UNUSABLE
    if name in SAMPLE or case.weighted or case.length or case.output_shape
    if fault != "weights" or (case.weighted and np.prod(case.shape) == cases.BATCH)
]
POLICED = [
    (name, fault, rule, word)
    for name, fault in FAULTS
    for rule in ("Adagrad", "SGD-one-by-one", "Adam-all-rows-clip-decay")
    for word in ("drop", "oov_row")
    if rule == "Adagrad" or name in SAMPLE
]
