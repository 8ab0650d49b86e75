#!/usr/bin/env python3
"""Writes golden_packets.txt: packets as scapy makes them, and what the packet filter must say of each.

    python3 golden_packets.py > golden_packets.txt

The expectations are written by hand, from the ruleset in golden_packets_test.cc; nothing here asks the filter.
"""

from scapy.all import (AH, Dot1AD, Dot1Q, Ether, GRE, ICMP, ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NS, IP,
                       IPOption_NOP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, ARP, Padding, Raw, TCP, UDP)

E = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
V4 = IP(src="198.51.100.9", dst="203.0.113.7")
V6 = IPv6(src="2001:db8:1::9", dst="2001:db8::7")
OPEN = IP(src="198.51.100.9", dst="203.0.113.200")
SYN = TCP(sport=40000, dport=443, flags="S")

# (what it is, packet as an expression, expectation: reason, vector, counter slot of the rule that decides)
PACKETS = [
    ("a SYN to a declared port passes", "E/V4/SYN", "pass_declared tcp.syn"),
    ("a SYN with ECN flags is a SYN", "E/V4/TCP(dport=443, flags='SEC')", "pass_declared tcp.syn"),
    ("a SYN to another port is dropped", "E/V4/TCP(dport=22, flags='S')", "drop_undeclared tcp.syn"),
    ("a SYN-ACK to an undeclared port is dropped", "E/V4/TCP(sport=443, dport=5000, flags='SA')",
     "drop_undeclared tcp.synack"),
    ("a RST to a declared port passes", "E/V4/TCP(dport=80, flags='R')", "pass_declared tcp.rst"),
    ("a FIN with ACK is a FIN", "E/V4/TCP(dport=80, flags='FA')", "pass_declared tcp.fin"),
    ("data is counted with acknowledgements", "E/V4/TCP(dport=80, flags='PA')/Raw(b'GET / HTTP/1.1')",
     "pass_declared tcp.ack"),
    ("a null scan is invalid", "E/OPEN/TCP(flags=0)", "pass_declared tcp.invalid"),
    ("a SYN-FIN is invalid", "E/OPEN/TCP(flags='SF')", "pass_declared tcp.invalid"),
    ("a Xmas scan is invalid", "E/OPEN/TCP(flags='FPU')", "pass_declared tcp.invalid"),
    ("a TCP header length below 20 bytes is invalid, its ports still count", "E/V4/TCP(dport=443, flags='S', dataofs=4)",
     "pass_declared tcp.invalid"),
    ("a TCP header longer than the packet is invalid", "E/V4/TCP(dport=443, flags='S', dataofs=15)",
     "pass_declared tcp.invalid"),
    ("a DNS answer nobody declared is dropped", "E/V4/UDP(sport=53, dport=4444)/Raw(b'x'*100)", "drop_undeclared udp.dns"),
    ("an NTP answer to an open prefix passes", "E/OPEN/UDP(sport=123, dport=4444)/Raw(b'x'*400)", "pass_declared udp.ntp"),
    ("UDP from no reflector's port", "E/OPEN/UDP(sport=4445, dport=4444)", "pass_declared udp.other"),
    ("UDP with an absurd length field still has ports", "E/OPEN/UDP(sport=1900, dport=4444, len=3)",
     "pass_declared udp.ssdp"),
    ("a ping passes, it is declared", "E/V4/ICMP(type=8)", "pass_declared icmp.echo"),
    ("a ping's answer isn't declared", "E/V4/ICMP(type=0)", "drop_undeclared icmp.echo_reply"),
    ("port unreachable is an ICMP error", "E/OPEN/ICMP(type=3, code=3)", "pass_declared icmp.error"),
    ("a timestamp request is other ICMP", "E/OPEN/ICMP(type=13)", "pass_declared icmp.other"),
    ("GRE is another protocol", "E/OPEN/GRE()/IP()/UDP()", "pass_declared ip.other"),
    ("GRE isn't declared in the web prefix", "E/V4/GRE()/IP()/UDP()", "drop_undeclared ip.other"),
    ("an unprotected destination passes untouched", "E/IP(src='198.51.100.66', dst='192.0.2.1')/SYN",
     "pass_no_policy tcp.syn"),
    ("ARP isn't IP", "E/ARP()", "pass_not_ip ip.other"),
    ("IPv4 options are skipped", "E/IP(src='198.51.100.9', dst='203.0.113.7', options=[IPOption_NOP()]*8)/SYN",
     "pass_declared tcp.syn"),
    ("the link's padding isn't part of the packet", "E/V4/UDP(sport=53, dport=4444)/Raw(b'')/Padding(b'\\0'*18)",
     "drop_undeclared udp.dns"),
    ("a VLAN tag is skipped", "E/Dot1Q(vlan=5)/V4/SYN", "pass_declared tcp.syn"),
    ("two VLAN tags are skipped", "E/Dot1AD(vlan=5)/Dot1Q(vlan=7)/V4/SYN", "pass_declared tcp.syn"),
    ("three VLAN tags are not", "E/Dot1Q(vlan=5)/Dot1Q(vlan=6)/Dot1Q(vlan=7)/V4/SYN", "pass_not_ip ip.other"),
    ("a first fragment is judged by its ports", "E/IP(src='198.51.100.9', dst='203.0.113.7', flags='MF', proto=17)/UDP(sport=53, dport=4444)/Raw(b'x'*200)",
     "drop_undeclared udp.dns"),
    ("a later fragment of a declared protocol passes", "E/IP(src='198.51.100.9', dst='203.0.113.7', frag=100, proto=6)/Raw(b'x'*100)",
     "pass_declared ip.fragment"),
    ("a later fragment of an undeclared protocol is dropped", "E/IP(src='198.51.100.9', dst='203.0.113.7', frag=100, proto=47)/Raw(b'x'*100)",
     "drop_undeclared ip.fragment"),
    ("what looks like a port in a later fragment is none", "E/IP(src='198.51.100.9', dst='203.0.113.200', frag=100, proto=17)/UDP(sport=53, dport=53)",
     "pass_declared ip.fragment"),
    ("a rule can drop later fragments", "E/IP(src='198.51.100.9', dst='203.0.113.201', frag=100, proto=17)/Raw(b'x'*100)",
     "drop_rule ip.fragment 3"),
    ("a rule drops DNS answers to one host", "E/OPEN/UDP(sport=53, dport=4444)/Raw(b'x'*600)", "drop_rule udp.dns 1"),
    ("but not short ones", "E/OPEN/UDP(sport=53, dport=4444)/Raw(b'x'*60)", "pass_declared udp.dns"),
    ("a rule on a VLAN", "E/Dot1Q(vlan=7)/OPEN/UDP(sport=4445, dport=4444)", "drop_rule udp.other 4"),
    ("a rule on payload bytes", "E/OPEN/UDP(sport=4445, dport=4444)/Raw(bytes.fromhex('deadbeef'))", "drop_rule udp.other 5"),
    ("a rule on payload bytes in TCP, behind options", "E/OPEN/TCP(dport=80, flags='PA', options=[('NOP', None)]*12)/Raw(bytes.fromhex('deadbeef'))",
     "drop_rule tcp.ack 5"),
    ("padding is no payload", "E/OPEN/UDP(sport=4445, dport=4444)/Padding(bytes.fromhex('deadbeef'))",
     "pass_declared udp.other"),
    ("a rule that allows ends the search", "E/OPEN/UDP(sport=53, dport=5353)/Raw(b'x'*600)", "pass_rule udp.dns 6"),
    ("a blocked source is dropped, whatever it sends", "E/IP(src='198.51.100.66', dst='203.0.113.7')/SYN",
     "drop_source_blocked tcp.syn"),
    ("an allowed source reaches an undeclared port", "E/IP(src='198.51.100.53', dst='203.0.113.7')/TCP(dport=179, flags='S')",
     "pass_source_allowed tcp.syn"),
    ("but only that one", "E/IP(src='198.51.100.53', dst='203.0.113.7')/TCP(dport=22, flags='S')", "drop_undeclared tcp.syn"),
    ("IPv6 to a declared port", "E/V6/SYN", "pass_declared tcp.syn"),
    ("IPv6 to an undeclared port", "E/V6/UDP(sport=53, dport=4444)", "drop_undeclared udp.dns"),
    ("a blocked IPv6 source", "E/IPv6(src='2001:db8:bad::1', dst='2001:db8::7')/SYN", "drop_source_blocked tcp.syn"),
    ("an ICMPv6 echo request is declared", "E/V6/ICMPv6EchoRequest()", "pass_declared icmp.echo"),
    ("an ICMPv6 error isn't", "E/V6/ICMPv6DestUnreach()", "drop_undeclared icmp.error"),
    ("neighbour solicitation is declared, or nobody would find the host", "E/V6/ICMPv6ND_NS()", "pass_declared icmp.other"),
    ("extension headers are skipped", "E/V6/IPv6ExtHdrHopByHop()/IPv6ExtHdrRouting()/IPv6ExtHdrDestOpt()/SYN",
     "pass_declared tcp.syn"),
    ("the authentication header counts in units of 4 bytes", "E/V6/AH(nh=6, payloadlen=4, icv=b'x'*12)/SYN",
     "pass_declared tcp.syn"),
    ("six extension headers are followed", "E/V6/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/SYN",
     "pass_declared tcp.syn"),
    ("seven are not", "E/V6/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/IPv6ExtHdrDestOpt()/SYN",
     "pass_unparsed ip.unparsed"),
    ("an atomic IPv6 fragment has ports", "E/V6/IPv6ExtHdrFragment(offset=0, m=0)/TCP(dport=22, flags='S')",
     "drop_undeclared tcp.syn"),
    ("a first IPv6 fragment has ports", "E/V6/IPv6ExtHdrFragment(offset=0, m=1)/SYN", "pass_declared tcp.syn"),
    ("a later IPv6 fragment has none", "E/V6/IPv6ExtHdrFragment(offset=100, m=0, nh=6)/Raw(b'x'*50)",
     "pass_declared ip.fragment"),
    ("no next header: nothing behind", "E/IPv6(src='2001:db8:1::9', dst='2001:db8::7', nh=59)", "drop_undeclared ip.other"),
    ("an IPv6 rule", "E/IPv6(src='2001:db8:1::9', dst='2001:db8:0:1::200')/UDP(sport=53, dport=9)", "drop_rule udp.dns 7"),
]

# (what it is, packet, bytes kept or a function of the bytes, expectation)
CUT = [
    ("a frame with nothing behind Ethernet", "E/V4/SYN", lambda b: b[:14], "pass_unparsed ip.unparsed"),
    ("an IPv4 header cut short", "E/V4/SYN", lambda b: b[:33], "pass_unparsed ip.unparsed"),
    ("IPv4 options cut short", "E/IP(src='198.51.100.9', dst='203.0.113.7', options=[IPOption_NOP()]*8)/SYN",
     lambda b: b[:38], "pass_unparsed ip.unparsed"),
    ("a TCP header cut short", "E/V4/SYN", lambda b: b[:53], "pass_unparsed ip.unparsed"),
    ("a UDP header cut short", "E/OPEN/UDP(sport=53)", lambda b: b[:41], "pass_unparsed ip.unparsed"),
    ("an IPv6 extension header cut short", "E/V6/IPv6ExtHdrDestOpt()/SYN", lambda b: b[:60], "pass_unparsed ip.unparsed"),
    ("a VLAN tag cut short", "E/Dot1Q(vlan=5)/V4/SYN", lambda b: b[:17], "pass_unparsed ip.unparsed"),
    ("a payload cut off by the capture is no harm", "E/V4/TCP(dport=443, flags='PA')/Raw(b'x'*200)", lambda b: b[:60],
     "pass_declared tcp.ack"),
    ("an IPv4 packet of version 5", "E/V4/SYN", lambda b: b[:14] + b"\x55" + b[15:], "pass_unparsed ip.unparsed"),
    ("an IPv4 header shorter than 20 bytes", "E/V4/SYN", lambda b: b[:14] + b"\x44" + b[15:], "pass_unparsed ip.unparsed"),
    ("a total length shorter than the headers", "E/V4/SYN", lambda b: b[:16] + b"\x00\x1e" + b[18:],
     "pass_unparsed ip.unparsed"),
    ("a total length of zero, as offloading leaves it, is the frame's", "E/V4/SYN", lambda b: b[:16] + b"\x00\x00" + b[18:],
     "pass_declared tcp.syn"),
    ("IPv6 bytes behind IPv4's ethertype", "E/V6/SYN", lambda b: b[:12] + b"\x08\x00" + b[14:], "pass_unparsed ip.unparsed"),
]


def main():
    print("# Made by golden_packets.py. For each packet: what it is, how scapy made it, its bytes, what the filter must say\n"
          "# (reason, vector, and the counter slot of the rule that decides).")
    for what, packet, expected in PACKETS:
        print(f"\nis: {what}\nscapy: {packet}\nhex: {bytes(eval(packet)).hex()}\nexpect: {expected}")
    for what, packet, cut, expected in CUT:
        print(f"\nis: {what}\nscapy: {packet}, changed\nhex: {cut(bytes(eval(packet))).hex()}\nexpect: {expected}")


main()
