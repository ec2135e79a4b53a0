"""Huffman codes (Han et al., arXiv:1510.00149, Section 4): frequent symbols get short words."""

import heapq
from collections.abc import Sequence
from itertools import count


def code_lengths(counts: Sequence[int]) -> list[int]:
    """Return the length of each symbol's word in bits, from how often it occurs; 0 for one that doesn't, or stands alone."""
    lengths, order = [0] * len(counts), count()  # of two equal weights the older goes first
    heap = [(times, next(order), [symbol]) for symbol, times in enumerate(counts) if times]
    heapq.heapify(heap)
    while len(heap) > 1:
        (rare, _, some), (other, _, more) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in (joined := some + more):
            lengths[symbol] += 1
        heapq.heappush(heap, (rare + other, next(order), joined))
    return lengths


def coded_bits(counts: Sequence[int]) -> int:
    """Return the bits of a whole sequence in which the symbols occur so often."""
    return sum(times * length for times, length in zip(counts, code_lengths(counts), strict=True))
