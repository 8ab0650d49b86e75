"""Facts of the cases that run.sh steers by hand.

usage: python3 -m facts restart RUN KILLED_S STARTED_S | interface RUN | regions RUN | failover RUN REGION LOST_S BACK_S
"""

import json
import sys

from bwlab import report


def rule_ids(path):
    with open(path, encoding="utf-8") as file:
        return {rule["id"] for rule in json.load(file)["rules"]}


def first_event_s(log, event, after_s):
    """When the edge logged an event first after a moment, or None."""
    for line in report.read_lines(log):
        if line["event"] == event and report.seconds_of(line["ts"]) >= after_s:
            return report.seconds_of(line["ts"])
    return None


def restart(directory, killed_s, started_s):
    run = report.Run(directory)
    killed_s, started_s = float(killed_s), float(started_s)
    before, after = rule_ids(f"{directory}/rules-before.json"), rule_ids(f"{directory}/rules-after.json")
    yield report.fact("rules_before_the_kill", len(before), "rules", before)
    yield report.fact("rules_still_there_after_the_restart", len(before & after), "rules", before <= after)
    sent, lost = run.attack.between(killed_s - 2, killed_s)
    share = lost / sent if sent else 0
    yield report.fact("attack_dropped_before_the_kill", round(100 * share, 2), "%", share >= 0.9)
    # Loading the packet filter takes its share of a busy machine; what counts is that nothing has to be found again.
    installed_s = first_event_s(f"{directory}/log/edge.log", "ruleset_installed", started_s)
    delay = None if installed_s is None else installed_s - started_s
    yield report.fact("start_to_rules_in_force", report.rounded(delay, 3), "s", delay is not None and delay <= 5)
    if delay is None:
        return
    first = run.attack.first_lost_s(started_s)
    delay = None if first is None else first - installed_s
    yield report.fact("rules_in_force_to_first_drop", report.rounded(delay, 3), "s", delay is not None and abs(delay) <= 0.1)
    sent, lost = run.attack.between(installed_s + 0.1, run.end["time_s"])
    share = lost / sent if sent else 0
    yield report.fact("attack_dropped_after_the_restart", round(100 * share, 2), "%", share >= 0.9)
    visits = report.visits(run.visitors, 0, float("inf"))
    yield report.fact("visitors_success", round(100 * visits.success, 3), "%", visits.success >= 0.99)
    sent, lost = run.clean.between(0, float("inf"))
    yield report.fact("clean_packets_dropped", lost, "packets", sent > 0 and lost == 0)


def interface(directory):
    run = report.Run(directory)
    visits = report.visits(run.visitors, run.first_attack_s, float("inf"))
    yield report.fact("visitors_success_after_the_interface_came_back", round(100 * (visits.success or 0), 3), "%",
                      visits.success is not None and visits.success >= 0.99)
    with open(f"{directory}/status.json", encoding="utf-8") as file:
        verdicts = json.load(file)["verdicts"]
    dropped = verdicts["drop_rule"]["packets"]
    yield report.fact("dropped_after_the_interface_came_back", dropped, "packets", dropped > 0)


REGIONS = ("eu", "us", "ap")


def regions(directory):
    """Each region's visitors are served by their own edge."""
    for region in REGIONS:
        records = report.Run(directory, region).visitors
        own = sum(r["ok"] and r.get("edge") == region for r in records)
        share = own / len(records) if records else 0
        yield report.fact(f"served_by_own_edge_{region}", round(100 * share, 2), "%", share == 1)


def failover(directory, region, lost_s, back_s):
    """An edge was lost at one moment and came back at another, some seconds later."""
    lost_s, back_s = float(lost_s), float(back_s)
    records = report.Run(directory, region).visitors
    during = [r for r in records if lost_s <= r["time_s"] < back_s]
    failed = [r["time_s"] for r in during if not r["ok"]]
    first = min((r["time_s"] for r in during if r["ok"] and r.get("edge") != region), default=None)
    # From then on every request succeeds: after the first answer of another edge and after the last failure.
    delay = None if first is None else max([first, *failed]) - lost_s
    yield report.fact(f"failover_{region}", report.rounded(delay, 3), "s", delay is not None and delay <= 5)
    yield report.fact(f"failover_failed_{region}", len(failed), f"of {len(during)} requests", True)
    own = [r["time_s"] for r in records if r["time_s"] >= back_s and r["ok"] and r.get("edge") == region]
    yield report.fact(f"served_by_own_edge_again_{region}", report.rounded(own[0] - back_s if own else None, 3), "s",
                      own and own[0] - back_s <= 15)
    others = [report.visits(report.Run(directory, other).visitors, lost_s, back_s) for other in REGIONS if other != region]
    yield report.fact(f"other_regions_failed_{region}", sum(v.failed for v in others), "requests", not any(v.failed for v in others))


def main():
    kinds = {"restart": (restart, 3), "interface": (interface, 1), "regions": (regions, 1), "failover": (failover, 4)}
    if len(sys.argv) < 2 or sys.argv[1] not in kinds or len(sys.argv) - 2 != kinds[sys.argv[1]][1]:
        sys.exit(__doc__)
    good = True
    for fact in kinds[sys.argv[1]][0](*sys.argv[2:]):
        good &= fact["ok"]
        print(json.dumps({"case": sys.argv[1]} | fact), flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
