"""Blocks that several families share; a block of one family stands in that family's file."""
