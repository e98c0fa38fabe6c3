"""Parquet files of every topic, for analysts: each record once, by its offset."""
