"""Tables that begin with the rows of a checkpoint whose rows lay elsewhere."""
