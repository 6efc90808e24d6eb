"""Names of transformed columns that are not a feature's, a number's or the label's."""

# Float32 [batch]: how much each example counts.
EXAMPLE_WEIGHT = "example_weight"


def weights_output(feature: str) -> str:
    """Returns the name of the transformed output that holds a feature's weights."""
    return f"{feature}.weights"
