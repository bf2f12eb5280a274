"""The web console in a real browser: every page in both languages, hostile
profiles, the keyboard, phones.

Run by console_test.cc, which starts a cluster with a sample network and sets
MITRA_HTTP, MITRA_API_KEY, MITRA_PROGRAM (the command), MITRA_KEYS (the
gateway's key file), MITRA_SHOTS (where screenshots go) and, where npm brings
axe-core, MITRA_AXE (its file).
"""

import json
import os
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

HTTP = os.environ['MITRA_HTTP']
KEY = os.environ['MITRA_API_KEY']
SHOTS = os.environ['MITRA_SHOTS']
EVIL = '<img src=x onerror="window.__evil=1"><script>window.__evil=1</script>'
WIDE, PHONE = (1360, 860), (390, 844)
# Names as members write them: letters from right to left, wide ones, emoji put
# together from several, marks upon marks, one word of the longest length.
NAMES = {
    'odd-rtl': 'مخبز السعادة 2026 (فرع)',
    'odd-cjk': '株式会社日本食品加工センター' * 4,
    'odd-emoji': '👩🏽‍🍳🇮🇩 Dapur Bu Tini ' + '🍛' * 30,
    'odd-marks': 'Z' + '\u0300\u0301\u0302' * 20 + 'algo',
    'odd-long': 'w' * 200,
    'x.~_-' + 'i' * 59: 'Id terpanjang',
}

# Page, part of the address, headings in Indonesian and English, and what must
# be there when it is drawn.
PAGES = [
    ('overview', '#/overview', ('Ringkasan', 'Overview'), '.card svg.graphic'),
    ('members', '#/members?q=keripik', ('Anggota', 'Members'), 'a.person'),
    ('recommend', '#/recommend/{member}', ('Rekomendasi', 'Recommend'), '.pick'),
    ('capital', '#/capital/{member}', ('Modal sosial', 'Capital'), 'svg.graphic'),
    ('refresh', '#/refresh', ('Penyegaran', 'Refresh'), 'form'),
    ('api', '#/api?method=get%20%2Fv1%2Fprofiles%2F%7Bprofile_id%7D',
     ('API', 'API'), '#p-profile_id'),
]


def call(verb, path, body=None):
  request = urllib.request.Request(
      HTTP + path, method=verb,
      data=None if body is None else json.dumps(body).encode(),
      headers={'Authorization': 'Bearer ' + KEY,
               'Content-Type': 'application/json'})
  with urllib.request.urlopen(request, timeout=30) as response:
    return json.load(response)


def make_key(*words):
  """A key of its own in the file that the gateway reads, and its id."""
  key = subprocess.run(
      [os.environ['MITRA_PROGRAM'], 'key', 'create', '--file',
       os.environ['MITRA_KEYS'], '--label', 'console', *words],
      check=True, capture_output=True, text=True).stdout.strip()
  return key, key.removeprefix('mk_').split('_')[0]


def revoke(key_id):
  subprocess.run([os.environ['MITRA_PROGRAM'], 'key', 'revoke', '--file',
                  os.environ['MITRA_KEYS'], key_id], check=True)


def start_browser():
  options = webdriver.ChromeOptions()
  options.binary_location = '/usr/bin/chromium'
  for flag in ('--headless=new', '--no-sandbox', '--disable-gpu',
               '--disable-quic', '--no-first-run', '--hide-scrollbars',
               '--disable-background-networking', '--disable-component-update',
               '--disable-sync', '--disable-dev-shm-usage',
               '--user-data-dir=' + tempfile.mkdtemp(prefix='mitra-browser-')):
    options.add_argument(flag)
  options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
  return webdriver.Chrome(options=options,
                          service=Service('/usr/bin/chromedriver'))


class ConsoleTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    os.makedirs(SHOTS, exist_ok=True)
    cls.member = call('GET', '/v1/profiles:search?query=keripik'
                      '&roles=ROLE_BUSINESS')['hits'][0]['profileId']
    cls.browser = start_browser()

  @classmethod
  def tearDownClass(cls):
    cls.browser.quit()

  def setUp(self):
    self.size(WIDE)
    self.browser.get('about:blank')
    self.browser.get(HTTP + '/console/')
    self.wait('#key')
    self.browser.get_log('browser')  # forgets what came before

  # What the tests are written in.

  def size(self, size):
    self.browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
        'width': size[0], 'height': size[1], 'deviceScaleFactor': 1,
        'mobile': size[0] < 600})

  def all(self, selector):
    return self.browser.find_elements(By.CSS_SELECTOR, selector)

  def patience(self, seconds):
    """Waits for a page that may draw itself anew while it is looked at."""
    return WebDriverWait(self.browser, seconds, ignored_exceptions=[
        StaleElementReferenceException])

  def wait(self, selector, seconds=20):
    return self.patience(seconds).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, selector))[0]

  def press(self, name):
    def pressed(_):
      for button in self.all('button'):
        if button.text == name:
          button.click()
          return True
      return False
    self.patience(20).until(pressed)

  def js(self, script, *arguments):
    return self.browser.execute_script('return ' + script, *arguments)

  def sign_in(self, key=KEY):
    # A new key is there when the gateway has read its file again.
    def entered(_):
      if self.all('.shell'):
        return True
      if key == KEY and self.all('.notice.error'):
        return False
      for field in self.all('#key'):
        if field.is_enabled() and not self.all('.gate .muted'):
          field.clear()
          field.send_keys(key + Keys.ENTER)
      return False
    self.patience(20).until(entered)

  def network(self, offline=False, latency=0):
    """What lies between this browser and the server; in milliseconds."""
    self.browser.execute_cdp_cmd('Network.enable', {})
    self.browser.execute_cdp_cmd('Network.emulateNetworkConditions', {
        'offline': offline, 'latency': latency, 'downloadThroughput': -1,
        'uploadThroughput': -1})

  def assert_fits(self, size, what):
    self.assertLessEqual(self.js('document.documentElement.scrollWidth'),
                         size[0], what)

  def open(self, address):
    self.browser.execute_script('location.hash = arguments[0]',
                                address.format(member=self.member))

  def language(self, language):
    self.all('#languages button')[0 if language == 'id' else 1].click()

  def theme(self, theme):
    self.all('#themes button')[1 if theme == 'light' else 2].click()

  def shot(self, name, size):
    height = min(4000, self.js('document.documentElement.scrollHeight'))
    self.size((size[0], max(size[1], height)))
    self.browser.save_screenshot(os.path.join(SHOTS, name + '.png'))
    self.size(size)

  def assert_clean(self, page):
    """No script failed, nothing was refused by the page's policy."""
    bad = [e['message'] for e in self.browser.get_log('browser')
           if e['level'] in ('SEVERE', 'WARNING')]
    self.assertEqual(bad, [], page)
    self.assertEqual([e.text for e in self.all('.notice.error')], [], page)

  # The tests.

  def test_every_page_in_both_languages_and_on_a_phone(self):
    self.sign_in()
    for number, language in enumerate(('id', 'en')):
      for size, theme in ((WIDE, 'dark' if language == 'en' else 'light'),
                          (PHONE, 'light')):
        self.size(size)
        self.language(language)
        self.theme(theme)
        for page, address, headings, sign in PAGES:
          with self.subTest(page=page, language=language, width=size[0]):
            self.open(address)
            self.wait(f'.page[data-page={page}] {sign}')
            self.assertEqual(self.all('h1')[0].text, headings[number])
            self.assertEqual(self.js('document.documentElement.lang'), language)
            self.assert_fits(size, 'wider than the screen')
            self.assert_clean(page)
            self.shot(f'{page}-{language}-{theme}-{size[0]}', size)

  def test_every_graphic_has_a_name_and_a_table_beside_it(self):
    self.sign_in()
    for address, sign in (('#/overview', '.card svg.graphic'),
                          ('#/members/{member}', 'svg.graphic'),
                          ('#/capital/{member}', 'svg.graphic'),
                          ('#/recommend/{member}', '.pick svg.graphic')):
      self.open(address)
      self.wait('.page[data-page=%s] %s' % (
          address.split('/')[1], sign))
      without = self.js('''[...document.querySelectorAll('svg.graphic')]
          .filter((g) => !g.getAttribute('aria-label') ||
              (!g.querySelector('.path-none') &&
               !g.parentElement.querySelector('details.twin table')))
          .map((g) => g.outerHTML.slice(0, 200))''')
      self.assertEqual(without, [], address)

  @unittest.skipUnless(os.environ.get('MITRA_AXE'), 'SKIPPED: no axe-core')
  def test_everybody_can_use_every_page(self):
    with open(os.environ['MITRA_AXE'], encoding='utf-8') as file:
      axe = file.read()
    self.sign_in()
    pages = PAGES + [('members', '#/members/{member}', None, 'svg.graphic')]
    for size, theme in ((WIDE, 'light'), (PHONE, 'dark')):
      self.size(size)
      self.theme(theme)
      for page, address, _, sign in pages:
        with self.subTest(page=page, address=address, theme=theme):
          self.open(address)
          self.wait(f'.page[data-page={page}] {sign}')
          self.js("""document.querySelectorAll('details').forEach(
              (d, i) => { d.open = i < 8; })""")
          self.browser.execute_script(axe)
          violations = self.browser.execute_async_script("""
              const done = arguments[0];
              axe.run(document, { resultTypes: ['violations'] }).then((r) =>
                done(r.violations.map((v) => `${v.id}: ${v.nodes[0].html}`)))
              """)
          self.assertEqual(violations, [])

  def test_a_member_page_tells_the_standing(self):
    self.sign_in()
    self.language('en')
    self.open('#/members/{member}')
    self.wait('.standing .chip')
    self.assertIn(self.all('.standing .chip')[0].text.lower(),
                  ('new', 'low', 'fair', 'good', 'high'))
    causes = self.all('.standing ul.items li')
    if causes:  # each in words, and all of them as a table
      self.assertEqual(
          self.js("document.querySelectorAll('.standing table tbody tr').length"),
          len(causes))

  def test_hostile_profiles_stay_text(self):
    words = {'text': EVIL}
    profile = {
        'kind': 'MEMBER_KIND_BUSINESS', 'displayName': EVIL, 'about': EVIL,
        'regionCode': '33.72.01', 'sectors': [{'code': '10710'}],
        'languages': ['id'],
        'facets': [{
            'role': 'ROLE_BUSINESS', 'headline': EVIL,
            'needs': [{'resource': 'RESOURCE_MENTORING', **words}],
            'offers': [{'resource': 'RESOURCE_COLLABORATION', **words}]}],
        'externalIds': [{'system': 'pasar', 'value': EVIL}],
        'links': [{'kind': 'website', 'url': 'https://example.org/?a=%22%3E%3Cb%3E'}],
        'products': [{'productId': 'p1', 'name': EVIL, 'description': EVIL}],
        'norms': [{'kind': 'NORM_KIND_SPP_IRT', 'issuer': EVIL,
                   'verifier': EVIL, 'number': EVIL, 'productId': 'p1'}],
    }
    try:
      call('PUT', '/v1/profiles/evil-1', profile)
    except urllib.error.HTTPError as refused:  # says which field it minds
      self.fail(refused.read().decode())
    call('POST', '/v1/evidence', {
        'authorId': self.member, 'aboutId': 'evil-1', 'note': EVIL,
        'externalRef': EVIL, 'kind': 'EVIDENCE_KIND_REFERENCE',
        'eventTime': '2026-01-02T03:04:05Z'})
    self.sign_in()
    for address, sign in (
        ('#/members/evil-1', 'svg.graphic'),
        ('#/members/{member}', 'svg.graphic'),
        ('#/members?q=onerror', '.page'),
        ('#/recommend/evil-1', '.pick, .empty'),
        ('#/recommend/{member}?kind=RECOMMENDATION_KIND_PEER', '.pick, .empty'),
        ('#/capital/evil-1', 'svg.graphic'),
        ('#/members/' + EVIL.replace('/', '%2F'), '.notice.error')):
      self.open(address)
      self.wait(sign)
      self.assertIsNone(self.js('window.__evil ?? null'), address)
      self.assertEqual(self.all('img[src=x]'), [], address)
      self.assertEqual(self.js("document.querySelectorAll('script').length"), 2)
    self.open('#/members/evil-1')
    self.patience(10).until(
        lambda b: self.all('h1') and self.all('h1')[0].text == EVIL)
    self.shot('member-hostile', WIDE)

  def test_names_of_every_kind_fit_and_stay_what_they_are(self):
    for odd, name in NAMES.items():
      try:
        call('PUT', '/v1/profiles/' + odd, {
            'kind': 'MEMBER_KIND_BUSINESS', 'displayName': name,
            'about': name, 'regionCode': '33.72.01',
            'facets': [{'role': 'ROLE_BUSINESS', 'headline': name, 'offers': [
                {'resource': 'RESOURCE_COLLABORATION', 'text': name}]}]})
      except urllib.error.HTTPError as refused:
        self.fail(f'{odd}: {refused.read().decode()}')
    call('POST', '/v1/evidence', {
        'authorId': 'odd-rtl', 'aboutId': 'odd-long',
        'kind': 'EVIDENCE_KIND_REFERENCE', 'eventTime': '2026-01-02T03:04:05Z'})
    self.sign_in()
    for size in (WIDE, PHONE):
      self.size(size)
      for odd, name in NAMES.items():
        for address, sign in ((f'#/members/{odd}', 'svg.graphic, .muted'),
                              (f'#/capital/{odd}', 'svg.graphic'),
                              (f'#/recommend/{odd}', '.pick, .empty')):
          with self.subTest(address=address, width=size[0]):
            self.open(address)
            self.wait(sign)
            if address.startswith('#/members'):
              self.patience(10).until(lambda b, name=name: self.js(
                  "document.querySelector('h1')?.textContent") == name)
            self.assert_fits(size, address)
            self.assertEqual([e.text for e in self.all('.notice.error')], [])
      self.shot(f'member-odd-{size[0]}', size)
    self.open('#/members/odd-rtl')
    self.wait('h1[dir=auto]')
    self.assertEqual(self.js("getComputedStyle(document.querySelector('h1'))"
                             ".direction"), 'rtl')

  def test_ids_that_are_none_are_refused_in_words(self):
    self.sign_in()
    self.language('en')
    for odd in ('.', '..', '%2E%2E', '%', '%00', 'a b', '-x', 'i' * 65,
                'n' * 300, '👩‍🍳', 'مخبز', '../../metrics', 'a/b',
                'x?view=1', 'x:recommend', '<b>', '%F0%9F'):
      for page in ('members', 'capital', 'recommend'):
        with self.subTest(page=page, id=odd):
          self.browser.execute_script('location.hash = arguments[0]',
                                      f'#/{page}/{odd}')
          notice = self.wait(f'.page[data-page={page}] .notice.error')
          self.assertRegex(notice.text,
                           'PROFILE_NOT_FOUND|INVALID_FIELD|ROUTE_NOT_FOUND')
          self.assert_fits(WIDE, odd)
          self.assertEqual(self.js('location.pathname'), '/console/')

  def test_a_search_that_finds_nothing_says_so(self):
    self.sign_in()
    self.language('en')
    for query in ('zzzzqqqqxxxx', '👩‍🍳', 'n' * 300, '"\\'):
      with self.subTest(query=query):
        self.open('#/overview')
        self.wait('.card svg.graphic')
        self.browser.execute_script(
            "location.hash = '#/members?q=' + encodeURIComponent(arguments[0])",
            query)
        self.wait('.page[data-page=members] [aria-live] > *:not(.loading)')
        self.assertNotEqual(
            self.js("document.querySelector('[aria-live]').textContent"), '')
        self.assert_fits(WIDE, query)
    self.open('#/recommend/{member}')
    self.wait('.pick')
    region = self.wait('#region')
    region.send_keys('99.99' + Keys.TAB)
    self.wait('.empty, .notice.error')

  def test_a_key_that_ends_asks_for_another_and_goes_on_there(self):
    key, key_id = make_key()
    self.sign_in(key)
    self.language('en')
    self.open('#/members/{member}')
    self.wait('svg.graphic')
    revoke(key_id)
    self.open('#/overview')  # asks every three seconds
    self.wait('.gate .notice.error')
    self.assertIn('CREDENTIAL_INVALID', self.all('.notice.error')[0].text)
    self.assertIn('not valid any more', self.all('.gate .notice')[0].text)
    self.assertNotIn(key, self.browser.page_source)
    self.wait('#key').send_keys(KEY + Keys.ENTER)
    self.wait('.page[data-page=overview] .card svg.graphic')

  def test_a_key_without_the_scope_is_told_which(self):
    key, _ = make_key('--scopes', 'profiles:read')
    self.sign_in(key)
    self.language('en')
    for address, sign in (('#/overview', '.columns .card .chip.bad'),
                          ('#/recommend/{member}', '.notice.error'),
                          ('#/capital/{member}', '.notice.error'),
                          ('#/refresh', '.notice.error')):
      self.open(address)
      self.wait(f".page[data-page={address[2:].split('/')[0]}] {sign}")
      self.assertTrue(self.all('.shell'), 'still signed in')
      if sign == '.notice.error':
        self.assertIn('SCOPE_MISSING', self.all(sign)[0].text)
    self.open('#/members')  # what it may see is shown
    self.wait('a.person')

  def test_a_quota_that_is_used_up_says_when_to_come_again(self):
    key, _ = make_key('--units-per-second', '0.2', '--burst-units', '6')
    self.sign_in(key)
    self.language('en')
    said = ''
    for _ in range(20):
      self.open('#/capital/{member}')
      self.wait('.page[data-page=capital] .notice.error, svg.graphic')
      refused = self.all('.notice.error')
      if refused:
        said = refused[0].text
        break
      self.open('#/api')
    self.assertIn('QUOTA_EXCEEDED', said)
    self.assertRegex(said, r'Try again in \d+ seconds')
    self.assertTrue(self.all('.shell'), 'still signed in')
    self.assertTrue(self.all('.notice.error button'))

  def test_a_server_that_is_away_or_slow_is_waited_for(self):
    self.sign_in()
    self.language('en')
    self.open('#/members/{member}')
    self.wait('svg.graphic')
    try:
      self.network(offline=True)
      self.open('#/capital/{member}')
      notice = self.wait('.page[data-page=capital] .notice.error')
      self.assertIn('cannot be reached', notice.text)
      self.open('#/overview')
      self.wait('.card .chip.bad')
      self.network(latency=1500)
      self.wait('.card .chip.good')  # by itself
      self.open('#/capital/{member}')
      self.wait('.loading')
      self.wait('.page[data-page=capital] svg.graphic')
      # Left before the answer is there: it does not appear elsewhere.
      self.open('#/recommend/{member}')
      self.wait('.loading')
      self.open('#/api')
      self.wait('.page[data-page=api]')
      self.network(latency=60000)
      self.open('#/capital/{member}')
      self.wait('.loading')
      notice = self.wait('.page[data-page=capital] .notice.error', 30)
      self.assertIn('NO_ANSWER', notice.text)
      self.network()
      self.press('Try again')
      self.wait('.page[data-page=capital] svg.graphic')
      self.assertEqual(self.all('.pick'), [])
    finally:
      self.network()

  def test_the_whole_way_by_keyboard(self):
    keys = lambda *k: webdriver.ActionChains(self.browser).send_keys(*k).perform()
    focus = lambda: self.browser.switch_to.active_element
    keys(KEY, Keys.ENTER)  # the field has the focus already
    self.wait('.shell')
    self.language('en')
    self.open('#/overview')
    self.patience(10).until(
        lambda b: focus().tag_name == 'h1')  # a new page begins at its heading
    for _ in range(30):  # back over the frame to the first link of all
      webdriver.ActionChains(self.browser).key_down(Keys.SHIFT).send_keys(
          Keys.TAB).key_up(Keys.SHIFT).perform()
      if focus().get_attribute('class') == 'skip':
        break
    self.assertEqual(focus().text, 'Skip to content')
    keys(Keys.ENTER)
    self.assertEqual(focus().get_attribute('id'), 'main')
    self.browser.execute_script("document.querySelector('.brand').focus()")
    keys(Keys.TAB, Keys.TAB, Keys.ENTER)
    self.wait('.page[data-page=members] a.person')
    for _ in range(20):  # from the heading to the field of search
      keys(Keys.TAB)
      if focus().get_attribute('id') == 'query':
        break
    keys('keripik', Keys.ENTER)
    self.patience(10).until(
        lambda b: 'q=keripik' in b.current_url)
    self.wait('a.person')
    for _ in range(20):
      keys(Keys.TAB)
      if 'person' in (focus().get_attribute('class') or ''):
        break
    name = focus().find_element(By.TAG_NAME, 'strong').text
    keys(Keys.ENTER)
    self.patience(10).until(
        lambda b: self.all('h1') and self.all('h1')[0].text == name)
    # The picker: type, down, enter.
    self.open('#/capital')
    field = self.wait('[role=combobox]')
    field.send_keys('keripik')
    self.patience(10).until(
        lambda b: field.get_attribute('aria-expanded') == 'true')
    keys(Keys.ARROW_DOWN, Keys.ENTER)
    self.wait('.page[data-page=capital] svg.graphic')

  def test_a_moved_weight_only_changes_the_order(self):
    self.sign_in()
    self.open('#/recommend/{member}')
    self.wait('.pick')
    ids = lambda: self.js(
        "[...document.querySelectorAll('.pick')].map((p) => p.dataset.id)")
    before = ids()
    slider = self.wait('#w-group_near')
    slider.send_keys(Keys.HOME)
    self.all('#w-group_fit')[0].send_keys(Keys.HOME)
    self.assertEqual(sorted(ids()), sorted(before))
    self.assertNotEqual(ids(), before)
    self.all('#what-if header button')[0].click()
    self.assertEqual(ids(), before)

  def test_why_not_gives_a_cause(self):
    self.sign_in()
    self.open('#/recommend/{member}')
    self.wait('.pick')
    field = self.wait('#why-not input')
    field.send_keys('nobody-at-all' + Keys.ENTER)
    self.assertNotEqual(self.wait('#why-not .notice').text, '')
    candidate = self.all('.pick')[0].get_attribute('data-id')
    field.send_keys(Keys.CONTROL, 'a')
    field.send_keys(candidate + Keys.ENTER)
    self.wait('#why-not .notice.good')

  def refreshed(self, before=()):
    """Waits until no refresh runs; gives the newest that is not in `before`."""
    def ended(unused):
      refreshes = call('GET', '/v1/refreshes').get('refreshes', [])
      if any(r['state'] in ('REFRESH_STATE_PENDING', 'REFRESH_STATE_RUNNING')
             for r in refreshes):
        return None
      return next((r for r in refreshes if r['refreshId'] not in before),
                  None if before else {'refreshId': ''})
    return self.patience(120).until(ended)

  def start_refresh(self, *boxes):
    """Starts one by the form; gives it when it has ended."""
    self.refreshed()
    before = {''} | {r['refreshId'] for r in
                     call('GET', '/v1/refreshes').get('refreshes', [])}
    self.sign_in()
    self.language('en')
    self.open('#/refresh')
    self.wait('form button.primary')
    for box in boxes:
      self.wait(box).click()
    self.wait('form button.primary').click()
    done = self.refreshed(before)
    self.open('#/refresh/' + done['refreshId'])
    self.patience(20).until(lambda b: self.all(
        'h2.mono') and self.all('h2.mono')[0].text == done['refreshId'])
    return done

  def test_a_refresh_is_started_watched_and_reported(self):
    self.start_refresh()
    self.wait('.page .columns svg.graphic')
    self.assertTrue(self.all('details.twin table'))
    self.assert_clean('refresh')
    self.shot('refresh-report', WIDE)

  def test_a_held_refresh_waits_for_a_reviewer(self):
    if self.start_refresh('#refresh-hold')['state'] != 'REFRESH_STATE_HELD':
      self.skipTest('this cluster holds no refreshes')
    self.shot('refresh-held', WIDE)
    self.wait('#reject-reason').send_keys('too early')
    self.press('Reject')
    self.patience(20).until(lambda b: 'too early' in ' '.join(
        n.text for n in self.all('.notice')))

  def test_a_method_can_be_tried(self):
    self.sign_in()
    self.open(PAGES[-1][1])
    self.wait('#p-profile_id').send_keys(self.member + Keys.ENTER)
    answer = self.wait('pre.code:not(:empty)')
    self.assertEqual(json.loads(answer.text)['profileId'], self.member)

  def test_the_key_is_only_in_memory(self):
    self.sign_in()
    stored = self.js(
        'JSON.stringify([{...localStorage}, {...sessionStorage}, '
        'document.cookie, location.href, history.state])')
    self.assertNotIn(KEY, stored)
    self.assertNotIn(KEY, self.browser.page_source)
    self.all('#sign-out')[0].click()
    self.wait('#key')
    self.open('#/members')
    self.assertEqual(self.all('.shell'), [])

  def test_a_wrong_key_is_refused_with_the_reason(self):
    self.wait('#key').send_keys('nonsense' + Keys.ENTER)
    self.assertIn('CREDENTIAL_INVALID', self.wait('.notice.error').text)


if __name__ == '__main__':
  unittest.main(verbosity=2)
