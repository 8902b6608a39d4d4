"""The one database: engine, tables, migrations. Aggregates (projects, ledger, ...) are modules beside this folder."""
