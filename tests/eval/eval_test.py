#!/usr/bin/env python3
"""The evaluation's own tools: reading captures, rewriting packets, choosing clean traffic, judging numbers."""

import gzip
import pathlib
import struct
import tempfile
import unittest

import library
import packets
import pcap
import score
import victim

SOURCE, VICTIM, OTHER = bytes([198, 51, 100, 1]), bytes([203, 0, 113, 7]), bytes([203, 0, 113, 9])


def ipv4(protocol, payload, destination=VICTIM, fragment=0):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0, SOURCE, destination)
    return header + payload


def udp(source, destination_port, **more):
    return ipv4(packets.UDP, struct.pack("!HHHH", source, destination_port, 12, 0) + b"data", **more)


def ipv6(next_header, payload):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), next_header, 64, b"\x20" * 16, b"\x20" + b"\x01" * 15) + payload


class PcapTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name) / "x.pcap"

    def test_writes_what_it_reads(self):
        sent = [(0.0, udp(53, 1000)), (1.5, udp(1, 2))]
        pcap.write_ip(self.path, sent)
        self.assertEqual(list(pcap.read_ip(self.path)), sent)
        self.path.write_bytes(gzip.compress(self.path.read_bytes()))
        self.assertEqual(list(pcap.read_ip(self.path)), sent)

    def test_cut_short(self):
        pcap.write_ip(self.path, [(0.0, udp(53, 1000)), (1.0, udp(53, 1000))])
        data = self.path.read_bytes()
        for n in range(len(data)):
            self.path.write_bytes(data[:n])
            self.assertLess(len(list(pcap.read_ip(self.path))), 2)

    def test_pcap_big_endian_nanoseconds(self):
        packet = udp(53, 1000)
        data = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)
        data += struct.pack(">IIII", 7, 500000000, len(packet), len(packet)) + packet
        self.path.write_bytes(data)
        self.assertEqual(list(pcap.read_ip(self.path)), [(7.5, packet)])

    def test_pcapng(self):
        packet = udp(53, 1000)
        frame = b"\0" * 12 + b"\x81\x00\x00\x05\x08\x00" + packet

        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

        nanoseconds = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
        data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        data += block(1, struct.pack("<HHI", 1, 0, 0) + nanoseconds)
        data += block(6, struct.pack("<IIIII", 0, 0, 2500000000, len(frame), len(frame)) + frame)
        self.path.write_bytes(data)
        self.assertEqual(list(pcap.read_ip(self.path)), [(2.5, packet)])

    def test_link_layers(self):
        packet = udp(53, 1000)
        padded = packet + b"\0" * 9
        for linktype, frame in (
            (1, b"\0" * 12 + b"\x08\x00" + padded),
            (0, b"\x02\0\0\0" + padded),
            (101, padded),
            (113, b"\0" * 14 + b"\x08\x00" + padded),
            (276, b"\x08\x00" + b"\0" * 18 + padded),
            (9, b"\xff\x03\x00\x21" + padded),
        ):
            self.assertEqual(pcap.ip_of(linktype, frame), packet, linktype)
        self.assertIsNone(pcap.ip_of(1, b"\0" * 12 + b"\x08\x06" + packet))
        self.assertIsNone(pcap.ip_of(127, packet))
        self.assertIsNone(pcap.ip_of(101, packet[:19]))


class PacketsTest(unittest.TestCase):
    def test_ipv4(self):
        h = packets.parse(udp(53, 1000))
        self.assertEqual((h.version, h.destination, h.protocol, h.fragment, h.ports), (4, VICTIM, 17, False, (53, 1000)))
        h = packets.parse(udp(53, 1000, fragment=0x00B9))
        self.assertEqual((h.fragment, h.ports), (True, ()))
        self.assertEqual(packets.parse(udp(53, 1000, fragment=0x4000)).fragment, False)
        self.assertEqual(packets.parse(udp(53, 1000, fragment=0x2000)).ports, (53, 1000))

    def test_ipv6_extension_headers(self):
        segment = struct.pack("!HHHH", 53, 1000, 8, 0)
        self.assertEqual(packets.parse(ipv6(17, segment)).ports, (53, 1000))
        h = packets.parse(ipv6(60, bytes([44, 0]) + b"\0" * 6 + bytes([17, 0, 0, 1, 0, 0, 0, 1]) + segment))
        self.assertEqual((h.protocol, h.fragment, h.ports), (17, True, (53, 1000)))
        h = packets.parse(ipv6(51, bytes([58, 4]) + b"\0" * 22 + b"\x80\0\0\0"))
        self.assertEqual((h.protocol, h.fragment), (58, False))

    def test_send_to(self):
        self.assertEqual(packets.send_to(udp(53, 1000), OTHER), udp(53, 1000, destination=OTHER))
        sent = packets.send_to(ipv6(17, b"12345678"), b"\x30" * 16)
        self.assertEqual(packets.parse(sent).destination, b"\x30" * 16)
        self.assertEqual(len(sent), 48)


class VictimTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.folder = pathlib.Path(self.folder.name)

    def write(self, name, sent):
        pcap.write_ip(self.folder / name, sent)
        return self.folder / name

    def test_reflector_ports_are_those_of_the_packet_filter(self):
        self.assertLess({53, 123, 11211, 443}, victim.reflector_ports())
        self.assertNotIn(1000, victim.reflector_ports())

    def test_finds_whom_and_with_what(self):
        attack = self.write("a.pcap", [(0, udp(53, 7)), (0, udp(53, 8)), (0, ipv4(1, b"12345678")), (0, udp(9, 9, destination=OTHER))])
        self.assertEqual(victim.find(attack), victim.Victim(VICTIM, packets.UDP, 53, False))
        fragments = self.write("f.pcap", [(0, ipv4(6, b"12345678", fragment=100))])
        self.assertEqual(victim.find(fragments), victim.Victim(VICTIM, packets.TCP, 0, True))
        self.assertIsNone(victim.find(self.write("n.pcap", [])))

    def test_clean_traffic_of_the_same_kind_goes_to_the_victim(self):
        query, answer = udp(1000, 53, destination=OTHER), udp(53, 1000, destination=SOURCE)
        game = udp(1, 2, destination=OTHER)
        one = self.write("one.pcap", [(5, game), (6, ipv4(6, b"1" * 20))])
        two = self.write("two.pcap", [(5, query), (6, answer), (7, game), (100, query), (6, ipv6(17, b"1" * 8))])
        clean = victim.CleanTraffic([one, two])

        def to_victim(*timed):
            return [(time_s, packets.send_to(packet, VICTIM)) for time_s, packet in timed]

        from_two = to_victim((0, query), (1, answer), (2, game))
        dns, any_udp = victim.Victim(VICTIM, packets.UDP, 53, False), victim.Victim(VICTIM, packets.UDP, 0, False)
        self.assertEqual(clean.to(dns), [from_two, to_victim((0, game))])
        self.assertEqual(clean.to(any_udp), [to_victim((0, game)), from_two])
        self.assertEqual(clean.to(victim.Victim(VICTIM, packets.ICMP, 0, False)), [])

    def test_paced_takes_turns_and_loses_nothing(self):
        captures = [[(0, b"a1"), (9, b"a2"), (9, b"a3")], [(3, b"b1")]]
        parts = victim.paced(captures, rate=2, seconds=1)
        self.assertEqual(parts, [[(0, b"a1"), (0.5, b"b1")], [(0, b"a2"), (0.5, b"a3")]])


def result(**changes):
    attack = {
        "vector": "udp.dns",
        "first_packet_s": 0.0,
        "first_drop_s": 0.3,
        "threshold_pps": 500,
        "peak_pps": 5000,
        "measured": {"attack_matched": 990},
    }
    base = {
        "attack": {"packets": 1000},
        "clean": {"packets": 10, "dropped_packets": 0},
        "after_detection": {"attack_packets": 900, "attack_dropped": 880},
        "attacks": [{**attack, **changes.pop("of_attack", {})}],
    }
    return {**base, **changes}


class ScoreTest(unittest.TestCase):
    def test_good(self):
        numbers = score.measure(result())
        self.assertEqual(score.misses(numbers), {})
        self.assertEqual(numbers["signature_share"], 0.99)
        self.assertEqual(numbers["first_packet_to_drop_s"], 0.3)
        self.assertEqual(numbers["excess"], 10)

    def test_each_goal(self):
        def missed(**changes):
            found = score.misses(score.measure(result(**changes)))
            self.assertEqual(len(found), 1, found)
            return list(found.items())[0]

        self.assertEqual(missed(attacks=[]), ("detected", "not detected"))
        goal, text = missed(of_attack={"measured": {"attack_matched": 940}})
        self.assertEqual((goal, text[:36]), ("signature_share", "signatures match 0.940 of the attack"))
        self.assertEqual(missed(after_detection={"attack_packets": 900, "attack_dropped": 800})[0], "dropped_share")
        self.assertIn("first drop 0.51 s", missed(of_attack={"first_drop_s": 0.51})[1])
        self.assertEqual(missed(of_attack={"first_drop_s": None}), ("first_drop", "nothing dropped"))
        self.assertIn("1 of 10 clean", missed(clean={"packets": 10, "dropped_packets": 1})[1])

    def test_a_small_excess_may_take_longer(self):
        self.assertEqual(score.misses(score.measure(result(of_attack={"first_drop_s": 1.9, "peak_pps": 1500}))), {})
        self.assertEqual(len(score.misses(score.measure(result(of_attack={"first_drop_s": 2.1, "peak_pps": 1500})))), 1)


class LibraryTest(unittest.TestCase):
    def test_own_captures_are_as_the_manifest_says(self):
        found = library.captures(library.OWN)
        self.assertGreater(len(found), 4)
        self.assertEqual({c.kind for c in found}, {"attack", "clean", "scan", "malformed"})
        named = {c.path for c in found}
        there = {p for p in library.OWN.rglob("*") if p.is_file() and p.name != "MANIFEST.tsv"}
        self.assertEqual(named, there)


if __name__ == "__main__":
    unittest.main()
