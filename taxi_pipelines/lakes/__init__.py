"""The lakes: where published files are kept as they were. One module per kind of storage."""
