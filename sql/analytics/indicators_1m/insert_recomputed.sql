-- Adds recomputed indicators (temporary table recomputed) that are not there: new ones, and those that
-- delete_changed.sql took away. Whichever columns there are: adding an indicator changes neither statement.
INSERT INTO analytics.indicators_1m SELECT * FROM recomputed ON CONFLICT DO NOTHING
