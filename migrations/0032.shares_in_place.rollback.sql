ALTER TABLE portal_shares RESET (fillfactor);
