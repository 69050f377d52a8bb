DROP TABLE IF EXISTS deleted_user_deliveries, job_retention;
