"""What two steps share: each artifact, file or folder has one module here."""
