"""Tables in smaller forms: tried, measured and chosen."""
