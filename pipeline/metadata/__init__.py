"""What ML Metadata says of pipeline runs: the one package that uses that library."""
