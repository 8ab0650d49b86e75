// The reader's choice of colours over the system's, kept in this browser.

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export function readTheme(): Theme {
  const kept = storage()?.getItem("theme");
  return THEMES.find((t) => t === kept) ?? "auto";
}

export function applyTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  storage()?.setItem("theme", theme);
}

/** Null where the browser keeps nothing for this page. */
function storage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
