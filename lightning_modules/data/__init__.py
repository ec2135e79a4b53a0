"""Data sets: what they are, where they come from, how they are kept and how batches are made of them.

Reading order: `catalogue` (the data sets), `cache` (the verified arrays on disk), `sources` (where they come
from), `batches` (whole-batch augmentation), `module` (the Lightning data module).
"""
