"""The file formats: rows as TFRecord, CSV and Parquet files have them."""
