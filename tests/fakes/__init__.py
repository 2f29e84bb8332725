"""Stand-ins that tests share: they keep the contracts of `playground.core.protocols` and need no torch."""
