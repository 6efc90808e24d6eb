"""Other platforms that run the pipeline: Kubeflow Pipelines v2 and Vertex AI."""
