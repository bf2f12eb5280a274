"""deploy/ against the programs that ship: metric names, flags, probes.

Run by deploy_test.cc with MITRA_ADMIN, the addresses of the admin ports of a
cluster that has served some calls, MITRA_BIN_DIR and MITRA_SOURCE_DIR.
"""

import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest
import urllib.request

import yaml

ROOT = os.environ['MITRA_SOURCE_DIR']
DEPLOY = os.path.join(ROOT, 'deploy')
RULES = os.path.join(DEPLOY, 'alerts', 'mitra.rules.yaml')
NAME = re.compile(r'\b((?:mitra|process)_[a-z0-9_]+)\b(?:\{([^}]*)\})?')


def text(path):
  return pathlib.Path(path).read_text(encoding='utf-8')


def live_metrics():
  """Labels by metric name, of all processes."""
  found = {}
  for address in os.environ['MITRA_ADMIN'].split(','):
    with urllib.request.urlopen(f'http://{address}/metrics', timeout=10) as r:
      for line in r.read().decode().splitlines():
        match = re.match(r'([a-z_0-9]+)(?:\{(.*)\})? ', line)
        if match and not line.startswith('#'):
          labels = found.setdefault(match.group(1), set())
          labels.update(re.findall(r'(\w+)="', match.group(2) or ''))
  return found


def names_in_sources():
  """Metrics that appear only after something rare has happened."""
  names = set()
  for folder in ('common', 'services'):
    for path in glob.glob(f'{ROOT}/{folder}/**/*.cc', recursive=True):
      if not path.endswith('_test.cc'):
        names.update(re.findall(r'"((?:mitra|process)_[a-z0-9_]+)"',
                                text(path)))
  return names


def expressions():
  for group in yaml.safe_load(text(RULES))['groups']:
    for rule in group['rules']:
      yield rule['alert'], rule['expr']
  for path in glob.glob(f'{DEPLOY}/dashboards/*.json'):
    for panel in json.loads(text(path))['panels']:
      for target in panel.get('targets', []):
        yield panel['title'], target['expr']


def containers():
  """(file, pod's settings, container) of everything that runs Mitra."""
  for path in sorted(glob.glob(f'{DEPLOY}/kubernetes/*.yaml')):
    for document in yaml.safe_load_all(text(path)):
      if document.get('kind') in ('Deployment', 'StatefulSet'):
        pod = document['spec']['template']['spec']
        for container in pod['containers']:
          yield os.path.basename(path), pod, container


class MonitoringTest(unittest.TestCase):

  def test_every_metric_exists_with_its_labels(self):
    live, rare = live_metrics(), names_in_sources()
    self.assertGreater(len(live), 10)
    seen = 0
    for where, expression in expressions():
      for name, matchers in NAME.findall(expression):
        seen += 1
        base = re.sub(r'_(bucket|sum|count)$', '', name)
        self.assertTrue(name in live or name in rare or base in rare,
                        f'{where}: no metric {name}')
        for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)"', matchers):
          # job and instance are added by whoever scrapes.
          if name in live and label not in ('job', 'instance'):
            self.assertIn(label, live[name], f'{where}: {name}')
    self.assertGreater(seen, 25)

  def test_most_names_are_live_now(self):
    live = live_metrics()
    names = {name for _, e in expressions() for name, _ in NAME.findall(e)}
    # What is sampled comes with the first sample.
    missing = {n for n in names if n not in live and 'canary' not in n}
    # Only what counts mishaps may be absent in a healthy cluster.
    self.assertLessEqual(missing, {
        'mitra_feed_damaged_total', 'mitra_slates_degraded_total'})

  @unittest.skipUnless(shutil.which('promtool'), 'SKIPPED: promtool is absent')
  def test_prometheus_understands_the_rules(self):
    for command in (['check', 'rules', RULES],
                    ['test', 'rules', RULES.replace('.yaml', '_test.yaml')]):
      run = subprocess.run(['promtool', *command], capture_output=True,
                           text=True, cwd=os.path.dirname(RULES))
      self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

  def test_dashboards_are_whole(self):
    for path in glob.glob(f'{DEPLOY}/dashboards/*.json'):
      dashboard = json.loads(text(path))
      ids = [panel['id'] for panel in dashboard['panels']]
      self.assertEqual(len(ids), len(set(ids)))
      for panel in dashboard['panels']:
        self.assertTrue(panel['title'])
        if panel['type'] != 'row':
          self.assertTrue(panel['targets'], panel['title'])


class KubernetesTest(unittest.TestCase):

  def test_every_file_is_in_the_kustomization(self):
    folder = f'{DEPLOY}/kubernetes'
    listed = yaml.safe_load(text(f'{folder}/kustomization.yaml'))['resources']
    there = {os.path.basename(p) for p in glob.glob(f'{folder}/*.yaml')}
    self.assertLessEqual(set(listed), there)
    self.assertLessEqual(there - {'kustomization.yaml'}, set(listed))

  def test_containers_are_bounded_probed_and_powerless(self):
    count = 0
    for where, pod, container in containers():
      count += 1
      self.assertTrue(pod['securityContext']['runAsNonRoot'], where)
      self.assertFalse(pod['automountServiceAccountToken'], where)
      self.assertFalse(pod['enableServiceLinks'], where)
      context = container['securityContext']
      self.assertTrue(context['readOnlyRootFilesystem'], where)
      self.assertFalse(context['allowPrivilegeEscalation'], where)
      self.assertEqual(context['capabilities'], {'drop': ['ALL']}, where)
      self.assertIn('memory', container['resources']['limits'], where)
      self.assertIn('cpu', container['resources']['requests'], where)
      for probe in ('readinessProbe', 'livenessProbe'):
        self.assertIn(probe, container, where)
      mounted = {m['name'] for m in container['volumeMounts']}
      volumes = {v['name'] for v in pod['volumes']} | {'data'}
      self.assertLessEqual(mounted, volumes, where)
    self.assertGreaterEqual(count, 5)

  def test_the_programs_take_their_flags(self):
    lines = [(w, c['command'] + c['args']) for w, _, c in containers()]
    compose = yaml.safe_load(text(f'{DEPLOY}/compose.yaml'))
    lines += [(n, s['command']) for n, s in compose['services'].items()]
    checked = 0
    for where, line in lines:
      if not line[0].startswith('mitra-'):
        continue
      program = os.path.join(os.environ['MITRA_BIN_DIR'], line[0])
      run = subprocess.run([program, *line[1:], '--check-config'],
                           capture_output=True, text=True, timeout=30,
                           env={'PATH': os.environ['PATH']})
      self.assertEqual(run.returncode, 0, f'{where}: {run.stdout}{run.stderr}')
      checked += 1
    self.assertGreaterEqual(checked, 8)

  def test_services_and_ports_meet(self):
    ports = {}
    for path in glob.glob(f'{DEPLOY}/kubernetes/*.yaml'):
      for document in yaml.safe_load_all(text(path)):
        if document.get('kind') == 'Service':
          ports[document['metadata']['name']] = {
              p['port'] for p in document['spec']['ports']}
    for where, _, container in containers():
      for argument in container.get('args', []):
        match = re.match(r'--(?:backends\.|feed\.|search\.|redis\.)\w+='
                         r'(\w+):(\d+)$', str(argument))
        if match:
          self.assertIn(int(match.group(2)), ports[match.group(1)], where)


if __name__ == '__main__':
  unittest.main(verbosity=2)
