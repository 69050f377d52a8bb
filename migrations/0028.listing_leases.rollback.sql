DROP TABLE IF EXISTS listing_leases;
