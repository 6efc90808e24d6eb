"""Tables and their slots: rows sharded over hosts."""
