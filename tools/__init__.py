"""What writes parts of the repository: generated documentation."""
