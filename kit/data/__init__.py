"""Reads: data files (SQuAD, XQuAD-IN, IndicQA, TyDiQA-GoldP, Belebele, JSONL) and rendered slices.
Writes: `Example`s, and rendered slices as bytes.
"""
