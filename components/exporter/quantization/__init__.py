"""Tables of lower precision: tried, measured and chosen under a budget."""
