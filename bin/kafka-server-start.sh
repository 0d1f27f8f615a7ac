#!/bin/sh
# kafka-server-start.sh [-daemon] server.properties [--override property=value]*
# With -daemon it goes on in the background; what it prints goes to $LOG_DIR/kafkaServer.out
# (logs/ beside bin/ where LOG_DIR is not set), as with Apache Kafka.
bin=$(dirname -- "$0")
if [ "${1:-}" = "-daemon" ]; then
  shift
  logs=${LOG_DIR:-$bin/../logs}
  mkdir -p -- "$logs" || exit 1
  nohup "$bin/partita-run" kafka-server-start "$@" >"$logs/kafkaServer.out" 2>&1 </dev/null &
  exit 0
fi
exec "$bin/partita-run" kafka-server-start "$@"
