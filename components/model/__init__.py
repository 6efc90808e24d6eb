"""The model: what it is made of, and how features reach engine and dense layers."""
