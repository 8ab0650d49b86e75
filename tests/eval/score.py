"""What a replay's result is worth: the numbers of one attack capture, and which goals they miss."""

SIGNATURE_SHARE = 0.95
DROPPED_SHARE = 0.90
# The goals hold for floods; slower attacks are reported, not judged.
FLOOD_PPS = 2000


def drop_delay_goal(excess):
    """Seconds from an attack's first packet to its first drop, for a peak of so many times the threshold."""
    return 0.5 if excess >= 4 else 2.0


def share(part, whole):
    return part / whole if whole else None


def measure(result):
    """The numbers of one replay's result (the JSON object of `replay --measure`)."""
    attacks = result["attacks"]
    dropping = [a for a in attacks if a["first_drop_s"] is not None]
    first = min(dropping, key=lambda a: a["first_drop_s"]) if dropping else None
    matched = sum(a["measured"]["attack_matched"] for a in attacks if "measured" in a)
    after = result["after_detection"]
    strongest = max(attacks, key=lambda a: a["peak_pps"], default=None)
    return {
        "detected": bool(attacks),
        "vectors": sorted({a["vector"] for a in attacks}),
        "signature_share": share(matched, result["attack"]["packets"]),
        "dropped_share": share(after["attack_dropped"], after["attack_packets"]),
        "first_packet_to_drop_s": round(first["first_drop_s"] - first["first_packet_s"], 6) if first else None,
        "excess": round(strongest["peak_pps"] / max(strongest["threshold_pps"], 1), 2) if strongest else None,
        "clean_packets": result["clean"]["packets"],
        "clean_dropped": result["clean"]["dropped_packets"],
    }


def misses(numbers):
    """The goals that the numbers of a flood miss: goal -> what was missed, in words."""
    if not numbers["detected"]:
        return {"detected": "not detected"}
    missed = {}
    if numbers["signature_share"] < SIGNATURE_SHARE:
        missed["signature_share"] = (
            f"signatures match {numbers['signature_share']:.3f} of the attack's packets, goal {SIGNATURE_SHARE}"
        )
    dropped = numbers["dropped_share"] or 0
    if dropped < DROPPED_SHARE:
        missed["dropped_share"] = f"{dropped:.3f} dropped after detection, goal {DROPPED_SHARE}"
    delay, goal = numbers["first_packet_to_drop_s"], drop_delay_goal(numbers["excess"])
    if delay is None:
        missed["first_drop"] = "nothing dropped"
    elif delay > goal:
        missed["first_drop"] = (
            f"first drop {delay} s after the first packet, goal {goal} s at {numbers['excess']} x the threshold"
        )
    if numbers["clean_dropped"]:
        missed["clean_dropped"] = f"{numbers['clean_dropped']} of {numbers['clean_packets']} clean packets dropped, goal 0"
    return missed
