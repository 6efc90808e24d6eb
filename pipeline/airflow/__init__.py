"""A run as a DAG of Airflow, which calls the command in its own environment."""
