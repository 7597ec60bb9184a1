-- Where what is asked for goes: a retired topic keeps its name before the @.
SELECT DISTINCT split_part(topic, '@', 1) FROM ops.redrives WHERE state = 'requested' ORDER BY 1
