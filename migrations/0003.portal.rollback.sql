DROP TABLE portal_tokens, portal_state, portal_shares;
