"""The feature step as Beam jobs: analyse, make the graph, transform."""
