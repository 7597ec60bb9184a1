INSERT INTO market.sessions AS known (calendar, session, hours)
VALUES (%(calendar)s, %(session)s, %(hours)s)
ON CONFLICT (calendar, session) DO UPDATE SET hours = excluded.hours
 WHERE known.hours <> excluded.hours
