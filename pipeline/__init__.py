"""What runs when: the pipeline, its runners and the command line."""
