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

-- Grants one request to a vendor, or says why not. The row of ops.api_budget is locked for the whole decision, and the
-- grant is committed before the caller knows of it: a caller that dies loses a request and never gains one.
--
-- A window of N requests is kept by one comparison: grant n may come once grant n - N is a window old. Windows are
-- longer than the vendor's by margin, which is how much later than granted a request may reach the vendor.
-- A request books the next free instant and waits for it: a live one within its patience, another within margin and
-- only while no more valuable one waits, so that none of those is ever far behind it. Else it is told when to come back.
CREATE FUNCTION ops.take_request(
    vendor text, purpose text, per_second integer, per_minute integer, per_day integer, zone text,
    live_symbols integer, patience interval, margin interval, unused_on date,
    OUT answer text, OUT wait_seconds double precision, OUT lock_seconds double precision, OUT on_day date,
    OUT spent_today integer, OUT day_seconds double precision, OUT day_left_seconds double precision)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    -- Around the vendor's midnight nobody knows which day it counts a request to.
    around_midnight CONSTANT interval := '5 seconds';
    minutes_of_day CONSTANT integer := 1440;
    asked CONSTANT timestamptz := clock_timestamp();
    minute_limit integer := CASE purpose WHEN 'live' THEN per_minute ELSE greatest(1, per_minute - live_symbols) END;
    budget ops.api_budget;
    now_ timestamptz;
    due timestamptz;
    gives_way boolean;
    may_book interval;
    day_starts timestamptz;
    day_ends timestamptz;
    -- Of the day's requests: what live polling of every symbol at every minute takes; what may go in one poll.
    live_per_day integer := least(live_symbols * minutes_of_day, per_day);
    one_poll integer := least(live_symbols, greatest(1, per_day / 2));
    -- What this purpose leaves to more valuable ones: so much a day, falling with the day, and so much always.
    leaves_a_day double precision;
    leaves_always integer;
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
    day_starts := on_day::timestamp AT TIME ZONE zone;
    day_ends := (on_day + 1)::timestamp AT TIME ZONE zone;
    IF per_day IS NOT NULL AND due < day_starts + around_midnight THEN
        due := day_starts + around_midnight;
    ELSIF per_day IS NOT NULL AND due >= day_ends - around_midnight THEN
        due := day_ends + around_midnight;
        on_day := on_day + 1;
        day_starts := day_ends;
        day_ends := (on_day + 1)::timestamp AT TIME ZONE zone;
    END IF;
    -- Counted afresh with the first grant of a new day; a day before the one counted (its zone was changed) is not new.
    IF on_day > budget.day THEN
        budget.day := on_day;
        budget.live := 0;
        budget.gaps := 0;
        budget.history := 0;
    END IF;
    spent_today := budget.live + budget.gaps + budget.history;
    day_seconds := extract(epoch FROM day_ends - day_starts);
    day_left_seconds := extract(epoch FROM day_ends - due);

    leaves_a_day := CASE purpose WHEN 'live' THEN live_per_day - one_poll
                                 WHEN 'gaps' THEN live_per_day
                                 ELSE live_per_day + per_day / 10.0 END;
    leaves_always := CASE purpose WHEN 'live' THEN 0 ELSE one_poll END;
    IF spent_today >= per_day THEN
        answer := 'exhausted';
        wait_seconds := extract(epoch FROM day_ends + around_midnight - now_);
    ELSIF spent_today + 1 + leaves_always + leaves_a_day * day_left_seconds / day_seconds > per_day THEN
        answer := 'deferred';
        wait_seconds := extract(epoch FROM due - now_) + day_left_seconds
                      - day_seconds * greatest(0, per_day - spent_today - 1 - leaves_always) / nullif(leaves_a_day, 0);
        wait_seconds := coalesce(wait_seconds, extract(epoch FROM day_ends + around_midnight - now_));
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
REVOKE ALL ON FUNCTION ops.take_request FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.api_budget, ops.api_grants TO marketpulse_loader;
GRANT EXECUTE ON FUNCTION ops.take_request TO marketpulse_loader;
