"""Measurements of the pipeline's speed, as ratios within one run."""
