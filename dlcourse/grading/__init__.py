"""Grading a class of strangers: the wall, the graders behind it, results and pages; what a class receives."""
