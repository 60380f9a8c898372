"""The benchmarks: every stage of a campaign beside its limit, both measured in the same run, on PostgreSQL."""
