"""A first configuration, drafted from a look at files."""
