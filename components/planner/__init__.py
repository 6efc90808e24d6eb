"""What tables will hold and cost, from one pass over the training examples.

Ids are exactly those that preprocessing will make; nothing is estimated but the limits
of a SparseCore, which come from a sample of the rows.
"""
