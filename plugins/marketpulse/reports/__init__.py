"""Reports as code: what `reports/` of the repository says, checked, for Metabase and for the report page."""
