-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_host;
