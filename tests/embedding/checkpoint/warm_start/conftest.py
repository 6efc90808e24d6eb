"""What these tests share."""

import pytest

from shardline.embedding.native.library import missing_reason


@pytest.fixture
def native_kernels():
    """Skips where nothing tracks rows."""
    if reason := missing_reason():
        pytest.skip(reason)
