"""What makes a network fast on a device without changing what it computes, up to rounding.

Reading order: `settings` (what can be set, and the table of what was measured), `tuning` (measuring it on the machine
at hand), `memory` (whether a network that can do with less has to).
"""
