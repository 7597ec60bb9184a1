-- Days of which the calendar knows no longer: a holiday that was decided on late.
DELETE FROM market.sessions
 WHERE calendar = %(calendar)s AND session BETWEEN %(first)s AND %(last)s AND session <> ALL (%(sessions)s)
