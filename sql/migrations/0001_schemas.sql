-- Schemas, and who may look into them. Run by marketpulse_owner.
CREATE SCHEMA ops;
CREATE SCHEMA raw;
CREATE SCHEMA market;
CREATE SCHEMA analytics;
CREATE SCHEMA reports;
GRANT USAGE ON SCHEMA ops, raw, market, analytics TO marketpulse_loader;
GRANT USAGE ON SCHEMA reports TO marketpulse_loader, marketpulse_reader;
