"""Reads: recipes, run folders, results; keys and mouse.
Writes: pictures in a terminal; starts, stops and exports through `kit.api`; remembers its own state in the home.
"""
