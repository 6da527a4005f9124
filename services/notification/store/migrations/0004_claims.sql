-- Who is delivering a mail just now: a claim of a process, drawn anew for each round. Nobody else touches a claimed mail until that one
-- noted what became of it, or has been seen with it for too long.
ALTER TABLE notifications ADD COLUMN claim TEXT COLLATE "C";
CREATE INDEX notifications_claimed ON notifications (claim) WHERE claim IS NOT NULL;
