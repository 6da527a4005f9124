-- Who may act for a seller, as catalog tells it: nobody buys from their own seller.
CREATE TABLE seller_members (
  seller_id TEXT COLLATE "C" NOT NULL,
  user_id   TEXT COLLATE "C" NOT NULL,
  role      TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (seller_id, user_id)
);
CREATE INDEX seller_members_by_user ON seller_members (user_id);
