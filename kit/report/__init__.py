"""Reads: transfer tables, results.
Writes: text for terminals; JSON, CSV, Markdown and LaTeX files.
"""
