"""./dev run: a broker on localhost:9092, and what to type next."""
import signal
import socket
import subprocess
import time

from building import ROOT, binary

NEXT = """
A broker is listening on localhost:{port}; its data is in {data}. Ctrl-C stops it.
In another terminal:

  bin/kafka-topics.sh --create --topic first --partitions 3
  bin/kafka-topics.sh --describe --topic first
  echo 'hello' | bin/kafka-console-producer.sh --topic first
  bin/kafka-console-consumer.sh --topic first --partition 0 --offset earliest
  echo 'hello' | kcat -P -b localhost:{port} -t first
  kcat -C -b localhost:{port} -t first -o beginning -e
"""


def _listens(port):
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(('127.0.0.1', port)) == 0


def serve(port, data):
    """Runs until the broker ends; answers its exit code."""
    if _listens(port):
        print(f'Something listens on localhost:{port} already; stop it, or give --port.')
        return 1
    broker = subprocess.Popen([binary(), 'server', '--port', str(port),
                               '--data-dir', data], cwd=ROOT)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: broker.send_signal(number))
    while broker.poll() is None and not _listens(port):
        time.sleep(0.02)
    if broker.poll() is None:
        print(NEXT.format(port=port, data=data), flush=True)
    return broker.wait()
