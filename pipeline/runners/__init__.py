"""Where a pipeline runs: a process of this machine, or Kubeflow."""
