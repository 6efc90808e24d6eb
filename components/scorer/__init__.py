"""Scores and judges files of raw examples with a published model.

`job.score_files` writes ids and scores, on any Beam runner; `judging.judge_files` tells
how well the scores fit labels. Both ask `model.ScoringModel`.
"""
