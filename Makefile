# The commands of MarketPulse; `make help` lists them. The same commands run in CI.
SHELL := /bin/sh
STACK := $(CURDIR)/deploy/local/bootstrap.sh
.DEFAULT_GOAL := help

# Arguments go to the commands through the environment, untouched by make and by the shell.
override export C := $(value C)
override export S := $(value S)
override export FILE := $(value FILE)
override export SYMBOL := $(value SYMBOL)
override export SOURCE := $(value SOURCE)
# The zone of a file's times; the caller's own TZ, which make would take as well, says nothing about the file.
ifeq ($(origin TZ),command line)
override export FILE_TZ := $(value TZ)
unexport TZ
endif

.PHONY: help up down status alerts logs clean psql airflow import-bars recompute-indicators test test-unit test-integration test-e2e lint format dashboards bench chaos drill

help:  ## Lists the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

up:  ## Installs everything, starts the local stack, waits for the first bars
	@$(STACK) up

down:  ## Stops the stack; leaves no process behind
	@$(STACK) down

status:  ## Health of each service in one table
	@$(STACK) status

alerts:  ## What fires now, by Alertmanager
	@$(STACK) alerts

logs:  ## Follows the logs; S=name for one service
	@$(STACK) logs "$$S"

clean:  ## Stops the stack and removes its state (data, logs, passwords)
	@$(STACK) clean

psql:  ## psql into the warehouse; C="select 1" prints bare rows
	@$(STACK) psql "$$C"

airflow:  ## Airflow's own command line: C="dags list"
	@eval "$(STACK) run --needs-stack airflow airflow $$C"

import-bars:  ## Loads a CSV file of bars through Kafka: FILE=... [SYMBOL=...] [SOURCE=...] [TZ=...]
	@test -n "$$FILE" || { echo "Fix: make import-bars FILE=bars.csv [SYMBOL=...] [SOURCE=...] [TZ=...]" >&2; exit 2; }
	@$(STACK) run --needs-stack airflow python -m marketpulse.import_bars "$$FILE" $${SYMBOL:+--symbol "$$SYMBOL"} \
		$${SOURCE:+--source "$$SOURCE"} $${FILE_TZ:+--tz "$$FILE_TZ"}

recompute-indicators:  ## Computes the indicators of all stored bars again, as after a migration that adds one
	@$(STACK) run --needs-stack spark spark_jobs/bin/spark-submit \
		spark_jobs/marketpulse_spark/jobs/recompute_indicators.py

test:  ## Runs all of lint, unit, integration and e2e; leaves nothing running
	@$(STACK) test all

test-unit:  ## Tests without services
	@$(STACK) test unit

test-integration:  ## Tests on a real PostgreSQL, Kafka and Spark
	@$(STACK) test integration

test-e2e:  ## Boots the whole stack on its own ports and tests it
	@$(STACK) test e2e

lint:  ## Checks style, types, lock file and monitoring configuration; rewrites nothing
	@$(STACK) test lint

format:  ## Rewrites the code in the house style
	@$(STACK) test format

dashboards:  ## Writes Grafana's dashboards from their code
	@$(STACK) test dashboards

bench:  ## The benchmark: prints a table, writes JSON under .run/
	@$(STACK) install
	@$(STACK) run stack python -m tests.bench

drill:  ## The fault drill: breaks a running stack, and measures alerts and recovery; prints a table
	@$(STACK) install
	@$(STACK) run stack python -m tests.drill

chaos:  ## The fault tests: prints a table, writes JSON under .run/
	@$(STACK) install
	@$(STACK) run stack python -m tests.chaos
