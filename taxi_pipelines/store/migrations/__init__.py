"""How the metadata database came to be, revision by revision; run by Alembic."""
