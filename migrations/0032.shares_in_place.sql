-- Shares of workers that are written again in their own page: each claim reads all of them.
--
-- Takes SHARE UPDATE EXCLUSIVE on `portal_shares` for an instant, which no claim and no renewal waits for. No row is
-- moved; workers write theirs again each second. The version before goes on as ever.
ALTER TABLE portal_shares SET (fillfactor = 20);
