"""What Alembic runs for each command; `running` hands it the open connection.

The transaction is the caller's: on both databases all tables of a migration are made, or none.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
