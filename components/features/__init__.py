"""What follows from the feature specification: schema, preprocessing, engine inputs."""
