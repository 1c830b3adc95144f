"""Reads: transfer and over-generation tables, cells with their examples.
Writes: text for terminals; JSON, CSV, Markdown, LaTeX, SVG and HTML files.
"""
