"""Reads: a job folder's `job.json`, and the models, adapters and slices that it names.
Writes: into that folder alone: events, finished cells, adapters or a model, and last of all `result.json`.
"""
