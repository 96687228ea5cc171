"""The metadata database: receipts and failures, in SQLAlchemy. One repository per aggregate."""
