"""Asserts that a fleet closes the ring: detection on one edge, its rule on all of them, the merged view, operators' rules, outages.

    ring.py --lab deploy/lab/lab.sh --id NAME --run RUN_DIRECTORY --captures DIRECTORY [--page-test PROGRAM]

The lab has to be up. Prints one JSON line per fact, {"check", "value", "unit", "ok"}; exit status 1 when any is not ok. Times are
those of packets (the meter's, which reads both sides of every edge's packet filter each 20 ms, and the sender's) and those that
edges and coordinator wrote into their records; nothing is measured by how long this program slept.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time

from . import capture, report

REGIONS = ("eu", "us", "ap")
PROBE_PPS = 100
RECONNECT_S = 5  # reconnect_max of the lab's edges: the longest that one waits between two attempts
# What the fleet has not seen before, one after the other.
FIRST, SPREAD, THIRD = "dns-amp-booter2013.pcap", "syn-flood-cic2019-head.pcap", "icmpv6-echo-flood-head.pcap"
SPREAD_PPS = 300  # of tcp.syn's 1,000 that one edge needs


def say(text):
    print(time.strftime("%T"), text, file=sys.stderr, flush=True)


def until(seconds, condition, interval=0.1):
    """What the condition gives once that is true, or None; in at most so many seconds."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            return None
        time.sleep(interval)


class Fleet:
    def __init__(self, lab, name, run, captures, page_test):
        self._lab = [lab, "--id", name]
        self.run = run
        self._captures = captures
        self.page_test = page_test

    def lab(self, *arguments, check=True):
        done = subprocess.run([*self._lab, *arguments], stdout=subprocess.PIPE, text=True, check=False)
        if check and done.returncode:
            raise RuntimeError(f"lab.sh {shlex.join(arguments)} ended with {done.returncode}")
        return done.stdout

    def bwctl(self, *arguments):
        """bwctl's answer as JSON, or None while the coordinator doesn't answer."""
        done = subprocess.run([*self._lab, "bwctl", *arguments, "-o", "json"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return None
        return json.loads(done.stdout)

    def need(self, *arguments):
        answer = self.bwctl(*arguments)
        if answer is None:
            raise RuntimeError(f"bwctl {shlex.join(arguments)} failed; see log/coordinator.log of the lab")
        return answer

    def edges(self):
        return {edge["id"]: edge for edge in (self.bwctl("edge", "list") or {}).get("edges", [])}

    def start_attack(self, name, region, pps, seconds):
        path = name if os.path.isabs(name) else os.path.join(self._captures, name)
        return subprocess.Popen([*self._lab, "attack", "--capture", path, "--region", region, "--pps", str(pps), "--seconds",
                                 str(seconds)], stdout=subprocess.DEVNULL)

    def attack(self, name, region, pps, seconds):
        if self.start_attack(name, region, pps, seconds).wait():
            raise RuntimeError(f"the attack {name} wasn't sent")
        time.sleep(0.3)  # the meter's last reading of it

    def own_attacks(self, region):
        """What an edge's own detector found, by its own account."""
        return json.loads(self.lab("edge", "--region", region, "attacks", "--json"))["attacks"]

    def ready(self):
        edges = self.edges()
        good = [e for e in edges.values() if e["state"] == "connected" and e["ready"]]
        return len(good) if len(good) == len(REGIONS) else None


class Span:
    """The last attack in a region: from its first packet to its end, and what became of it."""

    def __init__(self, run, region):
        self._run = report.Run(run, region)
        self.begin_s = self._run.first_attack_s
        self.end_s = self._run.end["time_s"] if self._run.end else None
        self._attack = self._run.attack

    def first_drop_at(self):
        return self._attack.first_lost_s(self.begin_s)

    def first_drop_s(self):
        at = self.first_drop_at()
        return None if at is None else at - self.begin_s

    def dropped_share(self, begin_s=None):
        sent, lost = self._attack.between(begin_s or self.begin_s - 0.1, self.end_s + 0.2)
        return lost / sent if sent else 0

    def sent_between(self, begin_s, end_s):
        """Packets of attack and visitors towards the region's edge."""
        return self._attack.between(begin_s, end_s)[0] + self._run.clean.between(begin_s, end_s)[0]

    def last_passed_s(self):
        """When the last packet of it got through the packet filter."""
        times, passed = self._attack.times, self._attack.passed
        for index in range(len(times) - 1, 0, -1):
            if passed[index] != passed[index - 1]:
                return times[index]
        return None


def fact(name, value, unit, ok, digits=3):
    return report.fact(name, round(value, digits) if isinstance(value, float) else value, unit, ok)


def at_most(name, value, limit, unit="s"):
    return fact(name, value, unit, value is not None and value <= limit)


def newest_attack(fleet, after_s, vector=None):
    """The coordinator's record of the attack whose first packet came after a moment."""
    listed = fleet.need("attack", "list")["attacks"]
    fitting = [a for a in listed if a["first_packet_unix_s"] >= after_s - 0.5 and vector in (None, a["vector"])]
    return fleet.need("attack", "show", min(fitting, key=lambda a: a["first_packet_unix_s"])["id"]) if fitting else None


def installed_times(fleet, revision, after_s):
    """region → when its edge had this revision of the coordinator's rules in force, by the edge's own log."""
    times = {}
    for region in REGIONS:
        for line in report.read_lines(os.path.join(fleet.run, "log", f"edge-{region}.log")):
            if line["event"] == "fleet_rules_applied" and line["revision"] >= revision:
                if report.seconds_of(line["ts"]) >= after_s:
                    times.setdefault(region, report.seconds_of(line["ts"]))
    return times


class Page:
    """A headless browser that follows the page and says when it showed the attack."""

    def __init__(self, program, address):
        # A visitor's browser runs on a machine of its own; here it must not take the edges' time.
        self._process = subprocess.Popen(["nice", "-n", "10", "node", program, address, "--timeout", "20"], stdout=subprocess.PIPE, text=True)
        self.ready = "ready" in self._line()
        time.sleep(1)

    def _line(self):
        line = self._process.stdout.readline()
        return json.loads(line) if line else {}

    def seen_s(self):
        try:
            return self._line().get("seen_unix_s") if self.ready else None
        finally:
            self._process.terminate()
            self._process.wait()


def first_attack(fleet):
    """One region is attacked; its edge finds it, and the others have the rule before they need it."""
    page = Page(fleet.page_test, fleet.lab("page").strip()) if fleet.page_test else None
    say("a real attack on eu")
    fleet.attack(FIRST, "eu", 20000, 7)
    span = Span(fleet.run, "eu")
    if page:
        seen = page.seen_s()
        yield at_most("page_shows_attack_s", seen and seen - span.begin_s, 2)
    yield at_most("attack_first_drop_s", span.first_drop_s(), 1)
    yield fact("attack_dropped_share", span.dropped_share(), "share", span.dropped_share() >= 0.9)
    record = newest_attack(fleet, span.begin_s)
    if record is None:
        yield fact("rule_on_all_edges_s", None, "s", False)
        return
    own = fleet.own_attacks("eu")
    yield fact("attack_detected_by_its_edge", len(own), "attacks", own)
    rules = [r for r in fleet.need("rule", "list")["rules"] if r["id"] in {s["rule_id"] for s in record["signatures"]}]
    detected = next(e["detected_unix_s"] for e in record["edges"] if e["edge"] == "eu")
    times = installed_times(fleet, min(int(r["revision"]) for r in rules), detected) if rules else {}
    delay = max(times.values()) - detected if set(times) == set(REGIONS) else None
    yield at_most("rule_on_all_edges_s", delay, 1)

    say("the same attack on us")
    fleet.attack(FIRST, "us", 20000, 5)
    span = Span(fleet.run, "us")
    yield at_most("armed_first_drop_s", span.first_drop_s(), 0.5)
    yield fact("armed_dropped_share", span.dropped_share(), "share", span.dropped_share() >= 0.9)


def spread_attack(fleet):
    """So thin that no edge sees it; the sum of all three does."""
    say(f"another attack, spread over all regions at {SPREAD_PPS} packets/s each")
    fleet.attack(SPREAD, "all", SPREAD_PPS, 8)
    spans = {region: Span(fleet.run, region) for region in REGIONS}
    begin = min(span.begin_s for span in spans.values())
    drops = [span.first_drop_at() for span in spans.values()]
    yield at_most("spread_attack_dropped_everywhere_s", None if None in drops else max(drops) - begin, 3)
    share = min(span.dropped_share(span.first_drop_at()) if span.first_drop_at() else 0 for span in spans.values())
    yield fact("spread_attack_dropped_share_after", share, "share", share >= 0.9)
    own = sum(report.seconds_of(a["first_packet"]) >= begin - 1 for r in REGIONS for a in fleet.own_attacks(r))
    yield fact("spread_attack_detected_by_edges", own, "edges", own == 0)
    record = newest_attack(fleet, begin - 1)
    by = record and record["detected_by"]
    yield fact("spread_attack_detected_by", by, "", by == "coordinator")


def make_probe(fleet):
    """One source that sends little; returns the file and the address that it has in the lab."""
    path = os.path.join(fleet.run, "probe.pcap")
    udp = b"\x9c\x40\x27\x0f\x00\x28\x00\x00" + bytes(32)  # 40000 to 9999
    header = b"\x45\x00\x00\x3c\x00\x00\x00\x00\x40\x11\x00\x00" + b"\xc6\x12\x4d\x07" + b"\xcb\x00\x71\x0a"
    capture.write(path, [(0.01 * n, bytes(12) + b"\x08\x00" + header + udp) for n in range(100)])
    return path


def source_of(fleet, path):
    with open(os.path.join(fleet.run, f"replay-{os.path.basename(path)}.pcap"), "rb") as file:
        frame = file.read(24 + 16 + 34)[24 + 16 :]
    return ".".join(str(byte) for byte in frame[26:30])


def operator_block(fleet, probe):
    say("an operator blocks a source that sends to all regions")
    sending = fleet.start_attack(probe, "all", PROBE_PPS, 6)
    passing = until(5, lambda: all(Span(fleet.run, r).last_passed_s() and
                                   time.time() - Span(fleet.run, r).last_passed_s() < 0.2 for r in REGIONS))
    time.sleep(1)
    begin = time.time()
    fleet.need("block", source_of(fleet, probe), "--for", "10m", "--reason", "quickstart", "--yes")
    sending.wait()
    time.sleep(0.3)
    last = [Span(fleet.run, region).last_passed_s() for region in REGIONS]
    yield fact("block_source_passed_before", bool(passing), "", passing)
    yield at_most("block_effective_s", max(last) - begin if None not in last else None, 1)


def outage(fleet, probe):
    """The coordinator dies and comes back."""
    rules = {rule["id"] for rule in fleet.need("rule", "list")["rules"]}
    attacks = {attack["id"] for attack in fleet.need("attack", "list")["attacks"]}
    say("the coordinator is killed")
    fleet.lab("coordinator", "kill")
    fleet.attack(probe, "eu", PROBE_PPS, 2)
    share = Span(fleet.run, "eu").dropped_share()
    yield fact("outage_block_still_enforced", share, "share", share >= 0.99)
    fleet.attack(THIRD, "ap", 10000, 5)
    span = Span(fleet.run, "ap")
    yield at_most("outage_new_attack_first_drop_s", span.first_drop_s(), 1)
    say("and started again")
    started = time.time()
    fleet.lab("coordinator", "start")
    back = until(RECONNECT_S + 5, fleet.ready)
    yield fact("outage_edges_back", back or 0, "edges", back)
    yield at_most("outage_resync_s", resynced_after(fleet, started), RECONNECT_S + 1)
    record = until(10, lambda: newest_attack(fleet, span.begin_s, "icmp.echo"), 0.5)
    yield fact("outage_attack_in_history", bool(record), "", record)
    after = {rule["id"] for rule in fleet.need("rule", "list")["rules"]}
    yield fact("outage_rules_lost", len(rules - after), "rules", rules <= after)
    known = {attack["id"] for attack in fleet.need("attack", "list")["attacks"]}
    yield fact("outage_attacks_lost", len(attacks - known), "attacks", attacks <= known)
    yield from windows_of_outage(fleet, span)


def resynced_after(fleet, started_s):
    """How long after the coordinator was ready again the last edge was connected, by its own log; None when one is missing."""
    log = [line for line in report.read_lines(os.path.join(fleet.run, "log", "coordinator.log"))
           if report.seconds_of(line["ts"]) >= started_s]
    ready = [report.seconds_of(line["ts"]) for line in log if line["event"] == "ready"]
    connected = {line["edge"]: report.seconds_of(line["ts"]) for line in log if line["event"] == "edge_connected"}
    return max(0.0, max(connected.values()) - ready[0]) if ready and set(connected) == set(REGIONS) else None


def windows_of_outage(fleet, span):
    """What the edge counted while nobody listened arrived afterwards, once: packets in the coordinator's traffic and the meter's."""
    begin, end = int(span.begin_s) - 2, int(span.end_s) + 2
    sent = span.sent_between(begin, end)
    counted = 0

    def all_there():
        nonlocal counted
        traffic = fleet.need("traffic", "--region", "ap", "--last", "2m")
        inside = [p for n, p in enumerate(traffic["points"])
                  if begin <= traffic["start_unix_s"] + n * traffic["step_s"] < end and p["known"]]
        counted = sum(p["pps"] for p in inside) * traffic["step_s"]
        return counted >= 0.99 * sent

    until(10, all_there, 0.5)
    share = counted / sent
    yield fact("outage_packets_accounted_share", share, "share", 0.99 <= share <= 1.01)
    lost = sum(edge["lost_windows"] for edge in fleet.edges().values())
    yield fact("outage_windows_lost", lost, "windows", lost == 0)


def edge_lost(fleet):
    say("the machine of ap's edge dies")
    lost = time.time()
    fleet.lab("host", "ap", "kill")
    time.sleep(5)
    back = time.time()
    say("and starts again")
    fleet.lab("host", "ap", "start")
    until(10, lambda: any(r.get("edge") == "ap" for r in report.Run(fleet.run, "ap").visitors if r["time_s"] > back), 0.2)
    time.sleep(1)
    failed, first, own = failover_times(fleet.run, "ap", lost, back)
    yield at_most("edge_killed_failover_s", None if first is None else max([first, *failed]) - lost, 5)
    yield at_most("edge_back_s", own and own - back, 15)


def failover_times(run, region, lost_s, back_s):
    """(when requests failed, when another edge answered first, when the region's own edge answered again)"""
    records = report.Run(run, region).visitors
    during = [r for r in records if lost_s <= r["time_s"] < back_s]
    failed = [r["time_s"] for r in during if not r["ok"]]
    first = min((r["time_s"] for r in during if r["ok"] and r.get("edge") != region), default=None)
    own = min((r["time_s"] for r in records if r["time_s"] >= back_s and r["ok"] and r.get("edge") == region), default=None)
    return failed, first, own


def visitors(fleet):
    every = [report.visits(report.Run(fleet.run, region).visitors, 0, float("inf")) for region in REGIONS]
    requests, failed = sum(v.requests for v in every), sum(v.failed for v in every)
    yield fact("visitors_requests", requests, "requests", requests > 0)
    share = 1 - failed / requests if requests else 0
    yield fact("visitors_success_share", share, "share", share >= 0.99, 5)


def late_slots(fleet):
    """How much of what was measured is the machine's: slots that an edge came to late, for want of processor time."""
    for region in REGIONS:
        status = json.loads(fleet.lab("edge", "--region", region, "status", "--json"))
        yield fact(f"late_slots_{region}", status["late_slots"], f"of {status['slots']} slots", True)


def checks(fleet):
    yield fact("edges_connected", until(15, fleet.ready) or len(fleet.edges()), "edges", fleet.ready())
    time.sleep(3)  # clean traffic, for baselines
    early = len(fleet.need("attack", "list")["attacks"])
    yield fact("attacks_found_in_clean_traffic", early, "attacks", early == 0)
    yield from first_attack(fleet)
    yield from spread_attack(fleet)
    probe = make_probe(fleet)
    yield from operator_block(fleet, probe)
    yield from outage(fleet, probe)
    yield from late_slots(fleet)
    yield from edge_lost(fleet)
    yield from visitors(fleet)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--captures", required=True)
    parser.add_argument("--page-test", help="tests/dashboard/attack_visible.mjs; without it nobody looks at the page")
    args = parser.parse_args()
    good = True
    try:
        for line in checks(Fleet(args.lab, args.id, args.run, args.captures, args.page_test)):
            good &= line["ok"]
            print(json.dumps(line), flush=True)
    except RuntimeError as error:
        print(json.dumps(fact("finished", str(error), "", False)), flush=True)
        good = False
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
