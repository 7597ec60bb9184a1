-- Roles and databases, run once per cluster by its superuser, before any migration.
-- Passwords come as psql variables; no connection of the pipeline is a superuser.
\set ON_ERROR_STOP on
CREATE ROLE marketpulse_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE marketpulse_loader LOGIN PASSWORD :'loader_password';
CREATE ROLE marketpulse_reader LOGIN PASSWORD :'reader_password';
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE marketpulse OWNER marketpulse_owner;
CREATE DATABASE airflow OWNER airflow;
REVOKE ALL ON DATABASE marketpulse FROM PUBLIC;
REVOKE ALL ON DATABASE airflow FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE marketpulse TO marketpulse_loader;
GRANT CONNECT ON DATABASE marketpulse TO marketpulse_reader;
ALTER ROLE marketpulse_owner SET timezone TO 'UTC';
ALTER ROLE marketpulse_loader SET timezone TO 'UTC';
ALTER ROLE marketpulse_reader SET timezone TO 'UTC';
