DROP TABLE IF EXISTS case_shares;
