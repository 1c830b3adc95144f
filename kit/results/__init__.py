"""Reads: the folders of finished cells, gold examples where they are at hand.
Writes: `scores.jsonl` of a landed cell; `Results` (the predictions), transfer and over-generation tables.
"""
