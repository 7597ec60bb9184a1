"""Pure DataFrame to DataFrame functions: no action, no clock, no session, no storage."""
