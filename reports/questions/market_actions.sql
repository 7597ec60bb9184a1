-- title: Splits and dividends
-- description: Those of the last days and those announced, the latest first.
-- owner: analysts
-- chart: table
-- columns:
--   ex_date: {title: Ex-date, unit: date}
--   symbol: {title: Symbol}
--   name: {title: Name}
--   kind: {title: Kind}
--   ratio: {title: New shares for each, unit: ratio}
--   amount: {title: Amount for each share, unit: price}
--   currency: {title: Currency}
-- parameters: [days]
SELECT ex_date, symbol, name, kind, ratio, amount, currency
  FROM reports.corporate_actions
 WHERE ex_date > current_date - %(days)s::integer
 ORDER BY ex_date DESC, symbol, kind;
