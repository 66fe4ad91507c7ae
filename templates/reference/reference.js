// Searches the reference in the browser; without it the page is simply whole.
const label = document.querySelector(".search");
if (label) {
  const articles = [...document.querySelectorAll("article")].map((article) => ({
    article,
    entry: document.querySelector(`[data-of="${article.id}"]`),
    words: article.textContent.toLowerCase(),
  }));
  const none = document.querySelector(".none");
  const input = label.querySelector("input");
  label.hidden = false;
  input.addEventListener("input", () => {
    const asked = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { article, entry, words } of articles) {
      const hit = asked.every((word) => words.includes(word));
      article.hidden = !hit;
      if (entry) entry.hidden = !hit;
      found += hit;
    }
    none.hidden = found > 0;
  });
}
