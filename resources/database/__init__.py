"""The relational database: engine, tables, queries and migrations."""
