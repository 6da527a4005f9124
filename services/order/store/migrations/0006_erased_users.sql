-- Users who are gone for good: their tokens are refused, and whatever is told of them later.
CREATE TABLE erased_users (
  user_id TEXT COLLATE "C" PRIMARY KEY,
  version BIGINT NOT NULL
);
