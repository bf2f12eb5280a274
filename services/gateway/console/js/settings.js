// Language and theme: remembered in the browser. The key never is.

const KEYS = { language: 'mitra.language', theme: 'mitra.theme' };

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing still shows the page.
  }
}

export const settings = {
  language: read(KEYS.language) ?? (navigator.language.startsWith('en') ? 'en' : 'id'),
  theme: read(KEYS.theme) ?? 'auto',
};

export function applySettings() {
  document.documentElement.lang = settings.language;
  if (settings.theme === 'auto') {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = settings.theme;
  }
}

export function setLanguage(language) {
  settings.language = language;
  write(KEYS.language, language);
  applySettings();
}

export function setTheme(theme) {
  settings.theme = theme;
  write(KEYS.theme, theme);
  applySettings();
}
