-- Groups whose time to pay was extended for a payment that had begun. Once: who comes back again and again must not hold stock forever.
CREATE TABLE payment_holds (
  group_id    TEXT COLLATE "C" PRIMARY KEY,
  payment_id  TEXT COLLATE "C" NOT NULL,
  extended_at BIGINT NOT NULL
);
