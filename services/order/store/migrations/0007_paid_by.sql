-- Which payment paid a group: its capture can be told again (payment's log was restored), and must not look like another's.
ALTER TABLE order_groups ADD COLUMN paid_by TEXT COLLATE "C";
