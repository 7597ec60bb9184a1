INSERT INTO market.instruments AS known (symbol, name, kind, calendar, currency, tick)
VALUES (%(symbol)s, %(name)s, %(kind)s, %(calendar)s, %(currency)s, %(tick)s)
ON CONFLICT (symbol) DO UPDATE
   SET name = excluded.name, kind = excluded.kind, calendar = excluded.calendar, currency = excluded.currency,
       tick = excluded.tick
 WHERE (known.name, known.kind, known.calendar, known.currency, known.tick)
    IS DISTINCT FROM (excluded.name, excluded.kind, excluded.calendar, excluded.currency, excluded.tick)
