"""Sends every example of /openapi.json, in the order that it names, and tells
what was not answered with 200. MITRA_HTTP and MITRA_API_KEY name the cluster.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

HTTP = os.environ['MITRA_HTTP']
KEY = os.environ['MITRA_API_KEY']
# What was just written is searched and recommended a moment later.
PATIENCE_SECONDS = 15


def text(value):
  if isinstance(value, bool):
    return 'true' if value else 'false'
  return str(value)


def send(verb, path, operation):
  query = []
  for parameter in operation['parameters']:
    if 'example' not in parameter:
      continue
    value = parameter['example']
    if parameter['in'] == 'path':
      path = path.replace('{' + parameter['name'] + '}',
                          urllib.parse.quote(text(value), safe=''))
    else:
      values = value if isinstance(value, list) else [value]
      query += [(parameter['name'], text(v)) for v in values]
  body = None
  if 'requestBody' in operation:
    body = operation['requestBody']['content']['application/json']['example']
  request = urllib.request.Request(
      HTTP + path + ('?' + urllib.parse.urlencode(query) if query else ''),
      method=verb.upper(),
      data=None if body is None else json.dumps(body).encode(),
      headers={'Authorization': 'Bearer ' + KEY,
               'Content-Type': 'application/json'})
  try:
    with urllib.request.urlopen(request, timeout=30) as response:
      json.load(response)
      return response.status, ''
  except urllib.error.HTTPError as error:
    return error.code, error.read().decode()


def main():
  with urllib.request.urlopen(HTTP + '/openapi.json', timeout=30) as response:
    document = json.load(response)
  examples = sorted(
      ((operation['x-mitra-example'], verb, path, operation)
       for path, verbs in document['paths'].items()
       for verb, operation in verbs.items() if 'x-mitra-example' in operation),
      key=lambda example: example[0])
  failed = 0
  for _, verb, path, operation in examples:
    end = time.monotonic() + PATIENCE_SECONDS
    status, said = send(verb, path, operation)
    while status == 404 and time.monotonic() < end:
      status, said = send(verb, path, operation)
    if status != 200:
      failed += 1
      print(verb.upper(), path, status, said)
  print(len(examples), 'examples,', failed, 'failed')
  return 0 if failed == 0 and len(examples) >= 35 else 1


if __name__ == '__main__':
  sys.exit(main())
