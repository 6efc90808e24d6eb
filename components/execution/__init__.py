"""How code comes to run: by import path, in Beam, in a fresh process; its digest."""
