"""Values as text."""

import pytest

from ruleparse.codec import address, plain_address, show_address


@pytest.mark.parametrize(
    ("kernel", "plain"),
    [
        ("::ffff:10.0.0.1", "::ffff:a00:1"),
        ("::10.0.0.1", "::a00:1"),
        ("::ffff:0.0.0.1", "::ffff:0:1"),
        ("::1", "::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_addresses_for_people_and_for_programs(kernel, plain):
    family = 6 if ":" in kernel else 4
    assert (show_address(address(kernel), family), plain_address(address(kernel), family)) == (kernel, plain)
