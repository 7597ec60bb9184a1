-- What each vendor still allows: one limiter for all tasks, whatever process they run in.
-- depends: 0009_completeness

CREATE TABLE ops.api_budget (
    source     text        PRIMARY KEY,
    day        date        NOT NULL,
    live       integer     NOT NULL DEFAULT 0 CHECK (live >= 0),
    gaps       integer     NOT NULL DEFAULT 0 CHECK (gaps >= 0),
    history    integer     NOT NULL DEFAULT 0 CHECK (history >= 0),
    spent      integer     GENERATED ALWAYS AS (live + gaps + history) STORED,
    number     bigint      NOT NULL DEFAULT 0,
    granted_at timestamptz NOT NULL DEFAULT '-infinity',
    live_until timestamptz NOT NULL DEFAULT '-infinity',
    gaps_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
COMMENT ON COLUMN ops.api_budget.day IS 'The vendor''s day that live, gaps and history count the requests of.';
COMMENT ON COLUMN ops.api_budget.number IS 'How many requests were ever granted; the newest of ops.api_grants.';
COMMENT ON COLUMN ops.api_budget.granted_at IS 'The newest grant: ahead of the clock where its request waits for it.';
COMMENT ON COLUMN ops.api_budget.live_until IS 'Until then a live request waits; requests for gaps and history give way.';
COMMENT ON COLUMN ops.api_budget.gaps_until IS 'Until then a request for a gap waits; requests for history give way.';

-- As many of the newest grants as the longest window allows: what the sliding windows are counted by.
CREATE TABLE ops.api_grants (
    source     text        NOT NULL REFERENCES ops.api_budget ON DELETE CASCADE,
    number     bigint      NOT NULL,
    purpose    text        NOT NULL CHECK (purpose IN ('live', 'gaps', 'history')),
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (source, number)
);
COMMENT ON COLUMN ops.api_grants.granted_at IS 'From when on the request may be sent; never earlier than that of the number before.';

-- How many requests live polling makes in a span: one a minute for each symbol, in the hours in which it is polled.
CREATE FUNCTION ops.live_requests(span tstzrange, live_hours tstzmultirange[], live_symbols integer[])
RETURNS double precision
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT coalesce(sum(polled.symbols * extract(epoch FROM upper(part) - lower(part)) / 60), 0)
      FROM unnest(live_hours, live_symbols) AS polled (hours, symbols)
     CROSS JOIN unnest(polled.hours * tstzmultirange(span)) AS part;
END;

-- How many of a day's requests a purpose leaves to others, at an instant of that day. Null without a limit.
--   live:    what live polling, spread evenly over the hours in which it polls, will need from then on, less one poll of
--            all symbols (half of the budget at most), which may run ahead
--   gaps:    all of that need, and one poll
--   history: that, and a tenth of the budget for gaps, falling with the day
CREATE FUNCTION ops.requests_kept(
    purpose text, at timestamptz, day tstzrange, per_day integer, live_hours tstzmultirange[], live_symbols integer[])
RETURNS double precision
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT CASE WHEN purpose = 'live' THEN greatest(0, need.of_day - need.one_poll) * need.share_left
                ELSE need.of_day * need.share_left + need.one_poll END
         + CASE WHEN purpose = 'history' THEN per_day / 10.0 ELSE 0 END
         * (extract(epoch FROM upper(day) - at) / extract(epoch FROM upper(day) - lower(day)))
      FROM (SELECT least(whole.requests, per_day) AS of_day,
                   least((SELECT coalesce(sum(symbols), 0) FROM unnest(live_symbols) AS symbols),
                         greatest(1, per_day / 2)) AS one_poll,
                   coalesce(ops.live_requests(tstzrange(at, upper(day)), live_hours, live_symbols)
                            / nullif(whole.requests, 0), 0) AS share_left
              FROM (SELECT ops.live_requests(day, live_hours, live_symbols) AS requests) whole) need
     WHERE per_day IS NOT NULL;
END;

-- Grants one request to a vendor, or says why not. The row of ops.api_budget is locked for the whole decision, and the
-- grant is committed before the caller knows of it: a caller that dies loses a request and never gains one.
--
-- A window of N requests is kept by one comparison: grant n may come once grant n - N is a window old. Windows are
-- longer than the vendor's by margin, which is how much later than granted a request may reach the vendor.
-- A request books the next free instant and waits for it: a live one within its patience, another within margin and
-- only while no more valuable one waits, so that none of those is ever far behind it. Else it is told when to come back.
CREATE FUNCTION ops.take_request(
    vendor text, purpose text, per_second integer, per_minute integer, per_day integer, zone text,
    live_hours tstzmultirange[], live_symbols integer[], patience interval, margin interval, unused_on date,
    OUT answer text, OUT wait_seconds double precision, OUT lock_seconds double precision, OUT on_day date,
    OUT spent_today integer, OUT day_seconds double precision, OUT day_left_seconds double precision)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    -- Around the vendor's midnight nobody knows which day it counts a request to.
    around_midnight CONSTANT interval := '5 seconds';
    one_poll CONSTANT integer := coalesce((SELECT sum(symbols) FROM unnest(live_symbols) AS symbols), 0);
    asked CONSTANT timestamptz := clock_timestamp();
    minute_limit integer := CASE purpose WHEN 'live' THEN per_minute ELSE greatest(1, per_minute - one_poll) END;
    budget ops.api_budget;
    now_ timestamptz;
    due timestamptz;
    gives_way boolean;
    may_book interval;
    day tstzrange;
    earliest timestamptz;
    latest timestamptz;
    between_them timestamptz;
BEGIN
    INSERT INTO ops.api_budget (source, day)
    SELECT vendor, (asked AT TIME ZONE zone)::date
     WHERE NOT EXISTS (SELECT FROM ops.api_budget b WHERE b.source = vendor)
        ON CONFLICT DO NOTHING;
    SELECT b.* INTO STRICT budget FROM ops.api_budget b WHERE b.source = vendor FOR UPDATE;
    now_ := clock_timestamp();
    lock_seconds := extract(epoch FROM now_ - asked);
    -- A grant that the caller let go: the day gets it back, its place in second and minute stays taken.
    IF unused_on = budget.day THEN
        UPDATE ops.api_budget b
           SET live = b.live - (purpose = 'live')::integer, gaps = b.gaps - (purpose = 'gaps')::integer,
               history = b.history - (purpose = 'history')::integer
         WHERE b.source = vendor
        RETURNING b.* INTO budget;
    END IF;

    SELECT greatest(now_, budget.granted_at,
                    max(CASE g.number WHEN budget.number + 1 - per_second THEN g.granted_at END) + interval '1 second' + margin,
                    max(CASE g.number WHEN budget.number + 1 - minute_limit THEN g.granted_at END) + interval '1 minute' + margin)
      INTO due
      FROM ops.api_grants g
     WHERE g.source = vendor AND g.number IN (budget.number + 1 - per_second, budget.number + 1 - minute_limit);
    gives_way := (purpose <> 'live' AND budget.live_until > now_) OR (purpose = 'history' AND budget.gaps_until > now_);
    may_book := CASE WHEN purpose = 'live' THEN patience WHEN gives_way THEN interval '0' ELSE least(patience, margin) END;

    on_day := (due AT TIME ZONE zone)::date;
    day := tstzrange(on_day::timestamp AT TIME ZONE zone, (on_day + 1)::timestamp AT TIME ZONE zone);
    IF per_day IS NOT NULL AND due < lower(day) + around_midnight THEN
        due := lower(day) + around_midnight;
    ELSIF per_day IS NOT NULL AND due >= upper(day) - around_midnight THEN
        due := upper(day) + around_midnight;
        on_day := on_day + 1;
        day := tstzrange(upper(day), (on_day + 1)::timestamp AT TIME ZONE zone);
    END IF;
    -- Counted afresh with the first grant of a new day; a day before the one counted (its zone was changed) is not new.
    IF on_day > budget.day THEN
        budget.day := on_day;
        budget.live := 0;
        budget.gaps := 0;
        budget.history := 0;
    END IF;
    spent_today := budget.live + budget.gaps + budget.history;
    day_seconds := extract(epoch FROM upper(day) - lower(day));
    day_left_seconds := extract(epoch FROM upper(day) - due);

    IF spent_today >= per_day THEN
        answer := 'exhausted';
        wait_seconds := extract(epoch FROM upper(day) + around_midnight - now_);
    ELSIF spent_today + 1 + ops.requests_kept(purpose, due, day, per_day, live_hours, live_symbols) > per_day THEN
        answer := 'deferred';
        -- What is kept falls with the day: halving finds, to the second, when it leaves one.
        earliest := due;
        latest := upper(day);
        WHILE latest - earliest > interval '1 second' LOOP
            between_them := earliest + (latest - earliest) / 2;
            IF spent_today + 1 + ops.requests_kept(purpose, between_them, day, per_day, live_hours, live_symbols) > per_day
            THEN
                earliest := between_them;
            ELSE
                latest := between_them;
            END IF;
        END LOOP;
        wait_seconds := extract(epoch FROM latest - now_);
    ELSIF gives_way OR due > now_ + may_book THEN
        answer := 'wait';
        wait_seconds := extract(epoch FROM CASE WHEN gives_way THEN greatest(due - now_, margin)
                                                WHEN purpose = 'live' THEN due - now_
                                                ELSE due - now_ - may_book END);
        IF purpose = 'gaps' AND due <= now_ + patience THEN
            UPDATE ops.api_budget b SET gaps_until = greatest(b.gaps_until, due + margin) WHERE b.source = vendor;
        END IF;
    ELSE
        answer := 'granted';
        wait_seconds := extract(epoch FROM due - now_);
        spent_today := spent_today + 1;
        UPDATE ops.api_budget b
           SET day = budget.day,
               live = budget.live + (purpose = 'live')::integer, gaps = budget.gaps + (purpose = 'gaps')::integer,
               history = budget.history + (purpose = 'history')::integer,
               number = budget.number + 1, granted_at = due,
               live_until = CASE purpose WHEN 'live' THEN due ELSE b.live_until END,
               gaps_until = CASE purpose WHEN 'gaps' THEN due ELSE b.gaps_until END
         WHERE b.source = vendor;
        INSERT INTO ops.api_grants (source, number, purpose, granted_at)
        VALUES (vendor, budget.number + 1, take_request.purpose, due);
        DELETE FROM ops.api_grants g
         WHERE g.source = vendor AND g.number <= budget.number + 1 - greatest(per_second, per_minute);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION ops.live_requests, ops.requests_kept, ops.take_request FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.api_budget, ops.api_grants TO marketpulse_loader;
GRANT EXECUTE ON FUNCTION ops.live_requests, ops.requests_kept, ops.take_request TO marketpulse_loader;
