"""Measurements of the pipeline, as ratios within one run."""
