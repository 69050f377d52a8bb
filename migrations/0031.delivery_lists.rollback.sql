-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_user_by_status;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_status;
