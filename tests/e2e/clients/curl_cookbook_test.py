"""Runs every block of services/gateway/clients/curl.md; run by
clients_test.cc. The comment at the end of a block says what must come back."""

import re
import subprocess
import sys

CURL = 'curl() { command curl -sS -w "\\nHTTP %{http_code}\\n" "$@"; }\n'


def main(page):
  blocks = re.findall(r'```sh\n(.*?)```', open(page).read(), re.S)
  failed = 0
  for block in blocks:
    wanted = re.search(r'^# (HTTP \d+) (.*)$', block, re.M)
    run = subprocess.run(['bash', '-c', CURL + block], capture_output=True,
                         text=True, timeout=30)
    output = run.stdout + run.stderr
    good = wanted and all(part in output for part in wanted.groups())
    print('ok' if good else 'FAILED', wanted and wanted.group(0))
    if not good:
      failed += 1
      print(block, output)
  print(len(blocks), 'blocks,', failed, 'failed')
  return 1 if failed or len(blocks) < 10 else 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1]))
