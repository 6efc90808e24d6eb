"""How code is found and run: import paths, Beam, fresh processes, its digest."""
