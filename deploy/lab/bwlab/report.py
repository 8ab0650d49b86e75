"""What happened in a run, from the logs of the visitors, the sender and the meter.

    report.py RUN_DIRECTORY [--check] [--edge-attacks FILE] …

Without --check a summary for people; with it one JSON line per fact, {"check", "value", "unit", "ok"}, and exit status
1 when any is not ok.
"""

import argparse
import bisect
import dataclasses
import datetime
import json
import os
import sys


READ_BLUR = 10  # packets
SLOT_S = 0.1  # an edge's slot


def read_lines(path):
    """JSON lines; a last line that is still being written is left out."""
    if not os.path.exists(path):
        return []
    records = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                records.append(json.loads(line))
    return records


def percentile(values, share):
    """Nearest rank; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


@dataclasses.dataclass
class Visits:
    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    errors: dict

    @property
    def success(self):
        return 1 - self.failed / self.requests if self.requests else None


def visits(records, begin_s, end_s):
    """The requests that began in [begin_s, end_s)."""
    inside = [r for r in records if begin_s <= r["time_s"] < end_s]
    errors = {}
    for record in inside:
        if not record["ok"]:
            errors[record["error"]] = errors.get(record["error"], 0) + 1
    good = [r["ms"] for r in inside if r["ok"]]
    return Visits(len(inside), len(inside) - len(good), percentile(good, 0.5), percentile(good, 0.99), errors)


class Missing:
    """How many packets that were sent never passed, over time.

    Packets under way are missing only for a while, lost ones for ever: the smallest number of missing packets from a
    moment on is what was lost up to it.
    """

    def __init__(self, meter, sent, passed):
        self.times = [line["time_s"] for line in meter]
        self.sent = [line[sent] for line in meter]
        self.passed = [line[passed] for line in meter]
        self.lost = [max(0, s - p) for s, p in zip(self.sent, self.passed)]
        for index in range(len(self.lost) - 2, -1, -1):
            self.lost[index] = min(self.lost[index], self.lost[index + 1])

    def between(self, begin_s, end_s):
        """(sent, lost) in a span."""
        if not self.times:
            return 0, 0
        begin = max(0, bisect.bisect_right(self.times, begin_s) - 1)
        end = max(0, bisect.bisect_right(self.times, end_s) - 1)
        return self.sent[end] - self.sent[begin], self.lost[end] - self.lost[begin]

    def first_lost_s(self, after_s):
        """When packets began to be lost: more than the few that pass between reading one counter and the next."""
        begin = bisect.bisect_left(self.times, after_s)
        if begin >= len(self.times):
            return None
        base = self.lost[begin - 1] if begin else 0
        for time_s, lost in zip(self.times[begin:], self.lost[begin:]):
            if lost > base + READ_BLUR:
                return time_s
        return None


def seconds_of(text):
    """An RFC 3339 time of the edge as seconds since 1970, or None."""
    return None if text is None else datetime.datetime.fromisoformat(text).timestamp()


class Edge:
    """What the edge says about itself: its answers to status, attacks and rules as the lab kept them."""

    def __init__(self, directory, region=""):
        def answer(name):
            path = os.path.join(directory, f"{name}{region and '-' + region}.json")
            if not os.path.exists(path) or not os.path.getsize(path):
                return None
            with open(path, encoding="utf-8") as file:
                return json.load(file)

        self.status = answer("status")
        self.attacks = (answer("attacks") or {}).get("attacks", [])
        self.rules = (answer("rules") or {}).get("rules", [])

    def since(self, begin_s):
        """The attacks whose first packet came at begin_s or later, a slot's length of blur allowed, oldest first."""
        attacks = [a for a in self.attacks if seconds_of(a["first_packet"]) >= begin_s - 0.2]
        return sorted(attacks, key=lambda a: a["detected"])

    def earliest_s(self, key, begin_s):
        times = [seconds_of(a[key]) for a in self.since(begin_s) if a[key]]
        return min(times) - begin_s if times else None


class Run:
    """Everything one attack of a run left behind, in one region of a fleet when it is named."""

    def __init__(self, directory, region=""):
        dash, low = region and "-" + region, region and "_" + region
        self.visitors = read_lines(os.path.join(directory, f"visitors{dash}.jsonl"))
        meter = read_lines(os.path.join(directory, "meter.jsonl"))
        sender = read_lines(os.path.join(directory, f"attack{dash}.jsonl"))
        firsts = [r["time_s"] for r in sender if r["event"] == "first"]
        ends = [r for r in sender if r["event"] == "end"]
        self.first_attack_s = firsts[-1] if firsts else None
        self.end = ends[-1] if len(ends) == len(firsts) and ends else None
        self.attack = Missing(meter, "attack_sent" + low, "attack_passed" + low)
        self.clean = Missing(meter, "clean_sent" + low, "clean_passed" + low)
        self.edge = Edge(directory, region)

    def phases(self):
        """(name, begin, end) in order."""
        if self.first_attack_s is None:
            return [("clean", 0.0, float("inf"))]
        end_s = self.end["time_s"] if self.end else float("inf")
        phases = [("before the attack", 0.0, self.first_attack_s), ("during the attack", self.first_attack_s, end_s)]
        return phases + ([("after the attack", end_s, float("inf"))] if self.end else [])


def describe(run):
    lines = []
    for name, begin, end in run.phases():
        v = visits(run.visitors, begin, end)
        if v.requests:
            lines.append(f"visitors {name}: {v.requests} requests, {100 * v.success:.2f} % successful, "
                         f"p50 {v.p50_ms or 0:.1f} ms, p99 {v.p99_ms or 0:.1f} ms")
            lines += [f"  {count} × {error}" for error, count in sorted(v.errors.items(), key=lambda e: -e[1])[:3]]
    clean_sent, clean_lost = run.clean.between(0, float("inf"))
    lines.append(f"visitors' packets: {clean_sent} sent, {clean_lost} lost on the way to the edge's web server")
    if run.first_attack_s is not None:
        sent, lost = run.attack.between(run.first_attack_s - 1, float("inf"))
        share = 100 * lost / sent if sent else 0
        lines.append(f"attack packets: {sent} sent, {lost} dropped ({share:.2f} %)")
        if run.end:
            lines.append(f"attack rate: {run.end['pps']} packets/s over {run.end['seconds']} s")
        first = run.attack.first_lost_s(run.first_attack_s)
        lines.append("first drop: none" if first is None else
                     f"first drop seen {first - run.first_attack_s:.3f} s after the first attack packet (±0.02 s)")
    return lines + describe_edge(run)


def describe_edge(run):
    if run.edge.status is None:
        return []
    interfaces = ", ".join(f"{i['name']} ({i['mode']})" for i in run.edge.status["interfaces"])
    lines = [f"edge: {'ready' if run.edge.status['ready'] else 'not ready'}, on {interfaces}"]
    begin = run.first_attack_s or 0
    for attack in run.edge.since(begin):
        delays = ", ".join(f"{word} +{seconds_of(attack[key]) - begin:.3f} s" for key, word in
                           (("detected", "detected"), ("first_drop", "first drop"), ("ended", "ended")) if attack[key])
        lines.append(f"  {attack['vector']} at {attack['target']}: {delays}; peak {attack['peak_pps']:.0f} packets/s")
        lines += [f"    {signature['match']}" for signature in attack["signatures"]]
        if attack["note"]:
            lines.append(f"    {attack['note']}")
    return lines


def fact(name, value, unit, ok):
    """One line of --check."""
    return {"check": name, "value": value, "unit": unit, "ok": bool(ok)}


def rounded(value, digits):
    return None if value is None else round(value, digits)


def edge_checks(run):
    """What the edge itself says, beside what was measured from outside."""
    status = run.edge.status
    yield fact("edge_ready", bool(status and status["ready"]), "", status and status["ready"])
    if status is None:
        return
    modes = ", ".join(f"{i['name']} {i['mode']}" for i in status["interfaces"])
    yield fact("edge_attached", modes, "", status["interfaces"] and all(i["present"] for i in status["interfaces"]))
    # Detected is the end of a slot, and a slot's counters are read a little after it: they may hold what came since.
    early = [a for a in run.edge.attacks if seconds_of(a["detected"]) < run.first_attack_s - SLOT_S]
    yield fact("attacks_found_in_clean_traffic", len(early), "attacks", not early)
    detected = run.edge.earliest_s("detected", run.first_attack_s)
    yield fact("edge_detected_after", rounded(detected, 3), "s", detected is not None)
    dropped = run.edge.earliest_s("first_drop", run.first_attack_s)
    yield fact("edge_first_drop_after", rounded(dropped, 3), "s", dropped is not None)
    refused = [r["id"] for r in run.edge.rules if r["state"] == "refused"]
    yield fact("rules_refused", len(refused), "rules", not refused)
    late = status["late_slots"]
    yield fact("edge_late_slots", late, f"of {status['slots']} slots", True)


def checks(run, max_first_drop_s, min_success, min_dropped_after, unfiltered):
    every = visits(run.visitors, 0, float("inf"))
    yield fact("visitors_requests", every.requests, "requests", every.requests > 0)
    yield fact("visitors_success", rounded(every.success and 100 * every.success, 3), "%",
               every.success is not None and every.success >= min_success)
    for name, begin, end in run.phases():
        v = visits(run.visitors, begin, end)
        yield fact("visitors_p99_" + name.replace(" ", "_"), v.p99_ms, "ms", v.p99_ms is not None)
    clean_sent, clean_lost = run.clean.between(0, float("inf"))
    yield fact("clean_packets_sent", clean_sent, "packets", clean_sent > 0)
    yield fact("clean_packets_dropped", clean_lost, "packets", clean_lost == 0)
    if run.first_attack_s is None or not run.end:
        yield fact("attack_sent", 0, "packets", False)
        return
    yield fact("attack_rate", run.end["pps"], "packets/s", run.end["pps"] > 0)
    if unfiltered:
        sent, lost = run.attack.between(run.first_attack_s - 1, float("inf"))
        yield fact("attack_sent", sent, "packets", sent > 0)
        yield fact("attack_lost_without_a_filter", lost, "packets", lost == 0)
        return
    first = run.attack.first_lost_s(run.first_attack_s)
    delay = None if first is None else first - run.first_attack_s
    yield fact("first_packet_to_first_drop", rounded(delay, 3), "s", delay is not None and delay <= max_first_drop_s)
    sent, lost = run.attack.between(run.first_attack_s - 1, float("inf"))
    yield fact("attack_dropped", rounded(100 * lost / sent if sent else 0, 2), "%", sent > 0 and lost > 0)
    if first is not None:
        sent, lost = run.attack.between(first, run.end["time_s"])
        share = lost / sent if sent else 0
        yield fact("attack_dropped_after_first_drop", rounded(100 * share, 2), "%", share >= min_dropped_after)
    yield from edge_checks(run)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_directory")
    parser.add_argument("--region", default="", help="of a fleet")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--last", type=float, help="only the visitors of the last so many seconds")
    parser.add_argument("--unfiltered", action="store_true", help="no edge runs: every packet has to arrive")
    parser.add_argument("--case", help="added to every fact, to tell several runs apart")
    parser.add_argument("--max-first-drop", type=float, default=1.0)
    parser.add_argument("--min-success", type=float, default=0.99)
    parser.add_argument("--min-dropped-after", type=float, default=0.9)
    args = parser.parse_args()
    run = Run(args.run_directory, args.region)
    if args.last and run.visitors:
        newest = run.visitors[-1]["time_s"]
        run.visitors = [r for r in run.visitors if r["time_s"] > newest - args.last]
    if not args.check:
        print("\n".join(describe(run)))
        return
    good = True
    for line in checks(run, args.max_first_drop, args.min_success, args.min_dropped_after,
                       args.unfiltered):
        good &= line["ok"]
        print(json.dumps({"case": args.case} | line if args.case else line), flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
