"""Tables in smaller precisions: tried, measured and chosen."""
