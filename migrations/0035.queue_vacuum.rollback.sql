ALTER TABLE job_queue RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
