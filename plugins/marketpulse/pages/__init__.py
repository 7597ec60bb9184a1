"""Pages inside the Airflow UI, behind its login."""
