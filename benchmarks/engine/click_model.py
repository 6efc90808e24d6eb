"""The click model's sizes: the same DLRM in every program (Naumov et al., 2019).

A bottom perceptron turns the numbers into a vector as long as a table's rows. That
vector, and the dot product of each two vectors, go through a top perceptron to one
logit. Tables learn with Adagrad, the rest with Adam.

Imports nothing: programs of both environments use it.
"""

NUMBERS = 13
IDS = [f"id{k:02}" for k in range(26)]
ROWS = 100_000
DIM = 64
BOTTOM_UNITS = (512, 256, DIM)
TOP_UNITS = (512, 256)
BATCH = 4096
EXAMPLES_OF_A_FILE = 50_000
FILES = 8
STEPS_OF_A_CALL = 5  # of what is timed at once
TABLE_LEARNING_RATE = 0.05
DENSE_LEARNING_RATE = 0.001
