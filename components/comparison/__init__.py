"""The step that compares a candidate with the model in service, on data new to both."""
