async function show(response) {
  const book = await response.json();
  const list = document.getElementById("entries");
  const said = book.entries
    ? book.entries.map((entry) => `${entry.written}: ${entry.text}`)
    : [book.error];
  list.replaceChildren(...said.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  document.getElementById("visits").textContent = book.visits ?? "?";
}
document.getElementById("book").addEventListener("submit", (event) => {
  event.preventDefault();
  fetch("/entries", { method: "POST", body: new FormData(event.target) }).then(show);
  event.target.reset();
});
fetch("/entries").then(show);
