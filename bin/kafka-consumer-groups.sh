#!/bin/sh
exec "$(dirname -- "$0")/partita-run" kafka-consumer-groups "$@"
