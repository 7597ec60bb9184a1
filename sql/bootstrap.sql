-- Roles and databases, made by the cluster's superuser before any migration. Run again, it makes what a later release
-- wants and the cluster does not have. Passwords come as psql variables; no connection of the pipeline is a superuser.
\set ON_ERROR_STOP on
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', name, password)
  FROM (VALUES ('marketpulse_owner', :'owner_password'),
               ('marketpulse_loader', :'loader_password'),
               ('marketpulse_reader', :'reader_password'),
               ('marketpulse_monitor', :'monitor_password'),
               ('airflow', :'airflow_password')) AS wanted (name, password)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
  FROM (VALUES ('marketpulse', 'marketpulse_owner'), ('airflow', 'airflow')) AS wanted (name, owner)
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
REVOKE ALL ON DATABASE marketpulse FROM PUBLIC;
REVOKE ALL ON DATABASE airflow FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE marketpulse TO marketpulse_loader;
GRANT CONNECT ON DATABASE marketpulse TO marketpulse_reader, marketpulse_monitor;
-- What the server counts, and the size of tables: no row of them.
GRANT pg_monitor TO marketpulse_monitor;
ALTER ROLE marketpulse_owner SET timezone TO 'UTC';
ALTER ROLE marketpulse_loader SET timezone TO 'UTC';
ALTER ROLE marketpulse_reader SET timezone TO 'UTC';
-- Whoever watches must not stand in the way: it waits for no lock for long, and takes few connections.
ALTER ROLE marketpulse_monitor CONNECTION LIMIT 3;
ALTER ROLE marketpulse_monitor SET lock_timeout TO '1s';
ALTER ROLE marketpulse_monitor SET statement_timeout TO '5s';
