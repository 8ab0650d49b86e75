"""The lab's helpers: captures rewritten and replayed, visitors, counters, reports. Standard library only."""
