-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS deliveries_delivered_of_user;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_delivered;
