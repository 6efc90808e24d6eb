"""Where versions are published: a local folder or an object store."""
