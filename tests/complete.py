"""What completes the dumps of a made-up node, so that nothing is left open that a test does not ask about."""

POLICY = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
"""`ip rule`, as it is before anybody adds to it"""

SETTINGS = """\
net.ipv4.conf.all.accept_local = 0
net.ipv4.conf.all.route_localnet = 0
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.all.src_valid_mark = 0
net.ipv4.ip_forward = 1
net.ipv6.conf.all.forwarding = 1
net.netfilter.nf_conntrack_checksum = 1
net.netfilter.nf_conntrack_tcp_loose = 1
"""
"""`sysctl`, as far as it decides about packets, of a router"""
