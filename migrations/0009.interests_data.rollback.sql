-- The column goes with 0008.
SELECT 1;
