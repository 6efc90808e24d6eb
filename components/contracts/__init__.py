"""What two steps share: artifacts, files and folders, each in a module of its own."""
