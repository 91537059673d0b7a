"use strict";

const byId = (id) => document.getElementById(id);
const drop = byId("drop");
const status = byId("status");
const results = byId("results");
const SHOWN = 5;
let limit = Infinity;
let waiting = Promise.resolve();
let open = 0;

/** Text for a share: `99.98 %`. */
const percent = (share) => `${(100 * share).toFixed(2)} %`;
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

async function describe() {
  const response = await fetch("/model");
  const model = await response.json();
  limit = model.limit;
  const { classes } = model;
  const names = classes.slice(0, 6).join(", ") + (classes.length > 6 ? ", …" : "");
  byId("model").textContent = `${model.architecture}, trained for ${classes.length} classes: ${names}`;
}

/** Sends a picture, and again later if the server is busy. */
async function predict(file) {
  if (file.size > limit) throw new Error(`The file has more than ${Math.floor(limit / 1e6)} MB.`);
  for (let attempt = 0; ; attempt++) {
    let response;
    try {
      response = await fetch(`/predict?top=${SHOWN}`, {
        method: "POST",
        body: file,
        headers: { "Content-Type": file.type || "application/octet-stream" },
      });
    } catch {
      throw new Error("The server does not answer.");
    }
    if (response.status === 503 && attempt < 10) {
      await pause(Number(response.headers.get("Retry-After")) || 1);
      continue;
    }
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer.predictions;
  }
}

function row({ class: name, probability }) {
  const line = document.createElement("tr");
  const heading = document.createElement("th");
  heading.scope = "row";
  heading.textContent = name;
  const track = document.createElement("div");
  track.className = "track";
  const bar = document.createElement("i");
  bar.style.width = `${100 * probability}%`;
  track.append(bar);
  line.append(heading, document.createElement("td"), document.createElement("td"));
  line.children[1].append(track);
  line.children[2].textContent = percent(probability);
  return line;
}

/** Adds a card for a picture, and fills it when its turn has come. */
function add(file) {
  const card = byId("result").content.firstElementChild.cloneNode(true);
  const image = card.querySelector("img");
  const verdict = card.querySelector(".verdict");
  const name = file.name || "picture";
  card.querySelector("h2").textContent = name;
  image.src = URL.createObjectURL(file);
  image.onload = () => URL.revokeObjectURL(image.src);
  image.onerror = () => {
    URL.revokeObjectURL(image.src);
    image.remove();
  };
  results.prepend(card);
  open++;
  waiting = waiting.then(async () => {
    status.textContent = open > 1 ? `${open} pictures to go …` : "Looking …";
    try {
      const predictions = await predict(file);
      verdict.textContent = predictions[0].class;
      card.querySelector("tbody").append(...predictions.map(row));
      status.textContent = `${name}: ${predictions[0].class}, ${percent(predictions[0].probability)}`;
    } catch (error) {
      verdict.textContent = error.message;
      verdict.classList.add("error");
      card.querySelector("table").remove();
      status.textContent = `${name}: not classified`;
    }
    open--;
  });
}

const addAll = (files) => [...files].forEach(add);

byId("file").addEventListener("change", ({ target }) => {
  addAll(target.files);
  target.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  addAll(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => addAll(event.clipboardData.files));

byId("command").textContent = `curl --data-binary @picture.jpg ${location.origin}/predict`;
describe().catch(() => {
  byId("model").textContent = "The server does not answer.";
});
