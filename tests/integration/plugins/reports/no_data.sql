-- A warehouse without a row, whatever tests before have left.
TRUNCATE ops.batches, ops.batch_ranges, ops.dead_letters, ops.redrives, ops.source_watermarks, ops.action_observations,
         ops.coverage, ops.gaps, ops.gap_history, ops.quote_checks, ops.daily_builds, market.instruments, market.sessions, market.bars_1m,
         market.bar_revisions, market.bar_disagreements, market.articles, market.portfolios, market.portfolio_versions,
         market.holdings, analytics.indicators_1m, analytics.sentiment_1h, analytics.anomalies, analytics.forecasts,
         analytics.portfolio_daily, analytics.portfolio_positions, analytics.portfolio_correlations,
         analytics.portfolio_risk, analytics.var_backtests;
