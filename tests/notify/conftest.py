"""What tests of channels share says of itself why it fails."""

import pytest

pytest.register_assert_rewrite("tests.notify.conformance")
