"""What a configuration names outside of itself, checked before anything runs."""

from components.features.schema import column_faults
from components.import_path import construct
from configs.load import ConfigError
from configs.schema import Run


def check(run: Run) -> None:
    """Checks that reader and model builder exist, take their options, and fit.

    Args:
        run: the configuration.

    Raises:
        ConfigError: listing every fault.
    """
    faults = []
    try:
        columns = construct(run.data.reader, run.data.options).columns
        faults += column_faults(run.feature_set, run.data.label, columns)
    except ValueError as error:
        faults.append(f"data.reader: {error}")
    try:
        construct(run.model.builder, run.model.options)
    except ValueError as error:
        faults.append(f"model.builder: {error}")
    if faults:
        raise ConfigError("\n".join(faults))
