"""Demonstrations: the expert, or a student that it watches over, drives; what was seen becomes a data set."""
