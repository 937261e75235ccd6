"""Every registered part and variant passes the checks that a stranger's must."""

from __future__ import annotations

import pytest

from zoo import Catalog
from zoo.testing import Check, conformance


@pytest.mark.parametrize("check", conformance(Catalog.installed()), ids=str)
def test_conforms(check: Check) -> None:
    check()
