"""`sysctl -a`, read."""

import pytest

from ruleparse.routing.sysctl import read
from ruleparse.text import Source


def settings(text):
    return read(Source("sysctl.txt", text))


def test_settings():
    found = settings(
        "net.ipv4.ip_forward = 1\nnet.ipv4.conf.eth0/100.rp_filter = 2\nkernel.core_pattern = |/x %P = %s\n"
    )
    assert found["net.ipv4.ip_forward"] == "1"
    assert found["kernel.core_pattern"] == "|/x %P = %s"
    assert found.of_interface(4, "eth0.100", "rp_filter") == 2
    assert found.of_interface(4, "eth1", "rp_filter") is None
    assert found.diagnostics == []


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("net.ipv4.ip_forward=1", "net.ipv4.ip_forward", "1"),
        ("  net.ipv4.ip_forward = 1  \r", "net.ipv4.ip_forward", "1"),
        ("net/ipv4/conf/eth0.100/rp_filter = 1", "net.ipv4.conf.eth0/100.rp_filter", "1"),
        ("net.ipv4.tcp_rmem = 4096\t131072\t6291456", "net.ipv4.tcp_rmem", "4096\t131072\t6291456"),
        ("kernel.domainname = ", "kernel.domainname", ""),
    ],
)
def test_a_setting(text, name, value):
    assert dict(settings("# sysctl -a\n" + text + "\n")) == {name: value}


def test_a_number_is_one():
    assert settings("net.ipv4.a = 1 2\nnet.ipv4.b = -1\n").number("net.ipv4.a") is None
    assert settings("net.ipv4.b = -1\n").number("net.ipv4.b") == -1


def test_bad_lines_are_told():
    found = settings("net.ipv4.ip_forward = 1\nwhat is this\nsysctl: permission denied on key 'x'\n")
    assert [(d.severity, d.span and d.span.line) for d in found.diagnostics] == [("error", 2)]
