"""The flow language: YAML text to flows. `expressions` is its template language."""
