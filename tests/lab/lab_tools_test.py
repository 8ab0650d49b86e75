"""The lab's tools: captures rewritten exactly, bounds refused, losses told from packets under way."""

import ipaddress
import os
import random
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "lab"))
sys.dont_write_bytecode = True

from bwlab import capture, meter, ranges, report, rewrite, send  # noqa: E402

TARGET4, TARGET6 = ipaddress.ip_address("203.0.113.10"), ipaddress.ip_address("2001:db8:10::10")
MAC_A, MAC_B = bytes.fromhex("020000000202"), bytes.fromhex("020000000201")


def checksum(data):
    return 0xFFFF - rewrite.fold(rewrite.ones_complement_sum(data))


def pseudo(packet, protocol, payload):
    addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
    return addresses + struct.pack("!II", len(payload), protocol)


def ipv4(source, destination, protocol, payload, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source, destination, next_header, payload):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), next_header, 64,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed) + payload


def with_checksum(packet, header, protocol, at):
    """Fills the transport checksum that stands `at` bytes into the transport header."""
    body = bytearray(packet[header:])
    body[at : at + 2] = b"\0\0"
    body[at : at + 2] = struct.pack("!H", checksum(pseudo(packet, protocol, body) + bytes(body)))
    return packet[:header] + bytes(body)


def transport_is_right(packet, header, protocol):
    return checksum(pseudo(packet, protocol, packet[header:]) + packet[header:]) == 0


def tcp(source_port, payload=b""):
    return struct.pack("!HHIIBBHHH", source_port, 80, 1, 0, 0x50, 2, 1024, 0, 0) + payload


def write_pcap(path, frames, link=1, order="<", magic=0xA1B2C3D4, cut=0):
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for index, frame in enumerate(frames):
        data += struct.pack(order + "IIII", 100, index * 1000, len(frame), len(frame)) + frame
    with open(path, "wb") as file:
        file.write(data[: len(data) - cut])


class RewriteTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = os.path.join(self.directory.name, "a.pcap")

    def rewritten(self, packets, **options):
        ethernet = b"\0" * 12 + (b"\x86\xdd" if packets[0][0] >> 4 == 6 else b"\x08\x00")
        write_pcap(self.path, [ethernet + p for p in packets], **options)
        return rewrite.rewrite(capture.read(self.path), TARGET4, TARGET6, MAC_A, MAC_B)

    def test_checksums_stay_right_for_every_source(self):
        seed = 20
        print(f"seed {seed}")
        rng = random.Random(seed)
        packets = []
        for _ in range(300):
            source = ipaddress.ip_address(rng.getrandbits(32))
            payload = rng.randbytes(rng.randrange(64))
            packets.append(with_checksum(ipv4(source, "9.9.9.9", 6, tcp(rng.randrange(65536), payload)), 20, 6, 16))
        result = self.rewritten(packets)
        self.assertEqual(len(result.frames), 300)
        for _, frame in result.frames:
            self.assertEqual(frame[:14], MAC_B + MAC_A + b"\x08\x00")
            packet = frame[14:]
            self.assertEqual(checksum(packet[:20]), 0)
            self.assertTrue(transport_is_right(packet, 20, 6))
            self.assertEqual(packet[16:20], TARGET4.packed)

    def test_a_wrong_checksum_stays_wrong_and_none_stays_none(self):
        wrong = ipv4("8.1.1.1", "9.9.9.9", 6, tcp(5))
        none = ipv4("8.1.1.2", "9.9.9.9", 17, struct.pack("!HHHH", 53, 9, 8, 0))
        result = self.rewritten([wrong, none])
        self.assertFalse(transport_is_right(result.frames[0][1][14:], 20, 6))
        self.assertEqual(result.frames[1][1][14 + 26 : 14 + 28], b"\0\0")

    def test_ipv6_with_extension_headers(self):
        body = struct.pack("!BBHHH", 128, 0, 0, 1, 2) + b"ping"
        plain = with_checksum(ipv6("2400::1", "2400::9", 58, body), 40, 58, 2)
        right = int.from_bytes(plain[42:44], "big")
        hop_by_hop = struct.pack("!BBHI", 58, 0, 0x0104, 0)
        packet = ipv6("2400::1", "2400::9", 0, hop_by_hop + body[:2] + struct.pack("!H", right) + body[4:])
        out = self.rewritten([packet]).frames[0][1][14:]
        self.assertEqual(out[24:40], TARGET6.packed)
        self.assertEqual(checksum(pseudo(out, 58, out[48:]) + out[48:]), 0)

    def test_later_fragments_keep_their_payload(self):
        payload = bytes(range(40))
        out = self.rewritten([ipv4("8.1.1.1", "9.9.9.9", 6, payload, fragment=5)]).frames[0][1][14:]
        self.assertEqual(out[20:], payload)
        self.assertEqual(checksum(out[:20]), 0)

    def test_sources_stay_distinct_and_inside_the_attackers_range(self):
        packets = [ipv4(ipaddress.ip_address(0x08000000 + n), "9.9.9.9", 17, struct.pack("!HHHH", 53, 9, 8, 0))
                   for n in range(3000)]
        result = self.rewritten(packets)
        sources = {ipaddress.ip_address(frame[26:30]) for _, frame in result.frames}
        self.assertEqual(len(sources), 3000)
        self.assertTrue(all(s in ranges.ATTACKERS_V4 for s in sources))
        self.assertFalse([s for s in sources for reserved in rewrite.RESERVED_V4 if s in reserved])

    def test_ipv6_sources_stay_distinct_and_off_the_visitors(self):
        packets = [ipv6(ipaddress.ip_address((0x24 << 120) + n), "2400::9", 59, b"") for n in range(3000)]
        sources = {ipaddress.ip_address(frame[22:38]) for _, frame in self.rewritten(packets).frames}
        self.assertEqual(len(sources), 3000)
        self.assertTrue(all(s in ranges.ATTACKERS_V6 and s not in ranges.NEIGHBOURS_V6 for s in sources))

    def test_replies_are_left_out(self):
        there = ipv4("8.1.1.1", "9.9.9.9", 6, tcp(5))
        back = ipv4("9.9.9.9", "8.1.1.1", 6, tcp(6))
        result = self.rewritten([there, back, there])
        self.assertEqual((len(result.frames), result.other_direction), (2, 1))

    def test_cut_off_payload_is_sent_as_zeros_and_oversize_is_left_out(self):
        short = ipv4("8.1.1.1", "9.9.9.9", 17, struct.pack("!HHHH", 53, 9, 108, 0) + b"x" * 100)[:60]
        jumbo = ipv4("8.1.1.1", "9.9.9.9", 17, b"y" * 2000)
        result = self.rewritten([short, jumbo, short])
        self.assertEqual((len(result.frames), result.unusable), (2, 1))
        self.assertEqual(len(result.frames[0][1]), 14 + 128)
        self.assertEqual(result.frames[0][1][-68:], b"\0" * 68)

    def test_a_destination_outside_the_ranges_is_refused(self):
        write_pcap(self.path, [b"\0" * 12 + b"\x08\x00" + ipv4("8.1.1.1", "9.9.9.9", 6, tcp(5))])
        with self.assertRaisesRegex(ranges.Refused, "outside the documentation and benchmark ranges"):
            rewrite.rewrite(capture.read(self.path), ipaddress.ip_address("9.9.9.9"), TARGET6, MAC_A, MAC_B)

    def test_captures_of_every_kind(self):
        packet = ipv4("8.1.1.1", "9.9.9.9", 6, tcp(5))
        vlan = b"\0" * 12 + b"\x81\x00\0\x05\x08\x00" + packet
        for frame, options in ((packet, {"link": 101}), (vlan, {}), (b"\2\0\0\0" + packet, {"link": 0}),
                               (b"\0" * 14 + b"\x08\x00" + packet, {"link": 113}),
                               (b"\0" * 12 + b"\x08\x00" + packet, {"order": ">"}),
                               (b"\0" * 12 + b"\x08\x00" + packet, {"magic": 0xA1B23C4D})):
            write_pcap(self.path, [frame], **options)
            self.assertEqual([p.ip for p in capture.read(self.path).packets], [packet], options)

    def test_a_truncated_file_gives_what_came_before(self):
        frame = b"\0" * 12 + b"\x08\x00" + ipv4("8.1.1.1", "9.9.9.9", 6, tcp(5))
        write_pcap(self.path, [frame, frame], cut=5)
        read = capture.read(self.path)
        self.assertEqual((len(read.packets), read.truncated_file), (1, True))

    def test_garbage_is_an_error_with_a_name(self):
        with open(self.path, "wb") as file:
            file.write(b"not a capture at all, really not")
        with self.assertRaisesRegex(capture.CaptureError, "neither pcap nor pcapng"):
            capture.read(self.path)
        with self.assertRaisesRegex(capture.CaptureError, "can't read"):
            capture.read(self.path + ".missing")


class SendTest(unittest.TestCase):
    def load(self, packets):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "a.pcap")
            capture.write(path, [(0.0, b"\0" * 12 + b"\x08\x00" + packet) for packet in packets])
            return send.load(path)

    def test_only_the_labs_addresses_are_sent(self):
        good = ipv4("198.18.0.1", "203.0.113.10", 6, tcp(5))
        self.assertEqual(len(self.load([good])), 1)
        for source, destination in (("198.18.0.1", "8.8.8.8"), ("8.8.8.8", "203.0.113.10")):
            with self.assertRaises(ranges.Refused):
                self.load([good, ipv4(source, destination, 6, tcp(5))])

    def test_rate_and_time_are_bounded(self):
        for value in (0, -1, ranges.MAX_PPS + 1, float("nan")):
            with self.assertRaises(ranges.Refused):
                ranges.require_bounded(value, ranges.MAX_PPS, "rate", "packets/s")


def run_filter(code, frame):
    """A classic BPF interpreter for the four operations that the meter's filters use."""
    accumulator, at = 0, 0
    while True:
        operation, equal, unequal, value = struct.unpack_from("HBBI", code, at * 8)
        at += 1
        if operation == meter.RET:
            return value
        if operation in (meter.LD_HALF, meter.LD_WORD):
            size = 2 if operation == meter.LD_HALF else 4
            if value + size > len(frame):
                return 0
            accumulator = int.from_bytes(frame[value : value + size], "big")
        elif operation == meter.AND:
            accumulator &= value
        else:
            at += equal if accumulator == value else unequal


class MeterTest(unittest.TestCase):
    def test_filters_take_their_prefixes_alone(self):
        cases = (
            ("198.18.0.0/15-198.18.99.0/24", "203.0.113.0/24", ("198.18.98.4", "203.0.113.10"),
             (("198.20.0.1", "203.0.113.10"), ("198.18.99.7", "203.0.113.10"), ("198.19.3.4", "203.0.114.10"), ("203.0.113.10", "198.19.3.4"))),
            ("2001:db8:a77a::/48", "2001:db8:10::/48", ("2001:db8:a77a:99::5", "2001:db8:10::10"),
             (("2001:db8:a77b::5", "2001:db8:10::10"),)),
            ("2001:db8:a77a::/48-2001:db8:a77a:99::/64", "2001:db8:10::/48",
             ("2001:db8:a77a:1::5", "2001:db8:10::10"),
             (("2001:db8:a77a:99::5", "2001:db8:10::10"), ("2001:db8:a77a::5", "2001:db8:11::10"))),
        )
        for sources, destinations, inside, outside in cases:
            prefix, without = meter.parse_sources(sources)
            code = meter.prefix_filter(prefix, ipaddress.ip_network(destinations), without)

            def taken(source, destination):
                six = ":" in source
                packet = ipv6(source, destination, 59, b"") if six else ipv4(source, destination, 6, tcp(5))
                return run_filter(code, b"\0" * 12 + (b"\x86\xdd" if six else b"\x08\x00") + packet) > 0

            self.assertTrue(taken(*inside))
            for addresses in outside:
                self.assertFalse(taken(*addresses), addresses)
            self.assertEqual(run_filter(code, b"\0" * 14), 0)


class ReportTest(unittest.TestCase):
    def meter(self, pairs):
        return [{"time_s": 10 + 0.02 * n, "sent": s, "passed": p} for n, (s, p) in enumerate(pairs)]

    def test_packets_under_way_are_not_lost(self):
        missing = report.Missing(self.meter([(0, 0), (100, 60), (200, 150), (300, 300)]), "sent", "passed")
        self.assertIsNone(missing.first_lost_s(0))
        self.assertEqual(missing.between(0, 99), (300, 0))

    def test_first_drop_is_when_packets_begin_to_be_missing_for_ever(self):
        missing = report.Missing(self.meter([(0, 0), (100, 60), (200, 200), (300, 240), (400, 240)]), "sent", "passed")
        self.assertAlmostEqual(missing.first_lost_s(0), 10.06)
        self.assertEqual(missing.between(0, 99), (400, 160))

    def test_packets_between_two_readings_are_no_drop(self):
        missing = report.Missing(self.meter([(0, 0), (100, 99), (200, 198), (300, 240)]), "sent", "passed")
        self.assertAlmostEqual(missing.first_lost_s(0), 10.06)

    def test_success_and_latency_of_a_span(self):
        records = [{"time_s": float(n), "ms": n, "ok": n != 3, "error": "slow"} for n in range(10)]
        visits = report.visits(records, 2, 6)
        self.assertEqual((visits.requests, visits.failed, visits.errors), (4, 1, {"slow": 1}))
        self.assertEqual((visits.success, visits.p50_ms, visits.p99_ms), (0.75, 4, 5))

    def test_no_visits_are_not_a_success(self):
        self.assertIsNone(report.visits([], 0, 9).success)


if __name__ == "__main__":
    unittest.main()
