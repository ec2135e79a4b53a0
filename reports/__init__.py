"""Printed figures beside ours: pages made from records, studies and printed figures alone."""
