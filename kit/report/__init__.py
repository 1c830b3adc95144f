"""Reads: transfer and over-generation tables, cells with their examples.
Writes: text for terminals; JSON, CSV, Markdown and LaTeX files.
"""
