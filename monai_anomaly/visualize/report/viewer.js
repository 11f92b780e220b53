"use strict";
const at = (id) => document.getElementById(id);
const data = JSON.parse(at("case").textContent);
const images = data.layers.filter((layer) => layer.kind === "image");
const overlays = data.layers.filter((layer) => layer.kind === "map" || layer.kind === "difference");
const outlines = data.layers.filter((layer) => layer.kind === "outline");
const count = images[0].slices.length;
const shown = new Set(outlines.map((_, i) => i));

function fill(select, layers, nothing) {
  if (nothing) select.add(new Option(nothing, "-1"));
  layers.forEach((layer, i) => select.add(new Option(layer.name, String(i))));
}

function put(image, address) {
  image.style.visibility = address ? "visible" : "hidden";
  if (address) image.src = address;
}

function drawProfile(current) {
  const canvas = at("profile");
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const step = canvas.width / count;
  data.profile.forEach((value, i) => {
    pen.fillStyle = i === current ? "#4fd1ff" : "#ff5c8a";
    const high = i === current ? Math.max(2, value * canvas.height) : value * canvas.height;
    pen.fillRect(i * step, canvas.height - high, Math.max(1, step - 0.5), high);
  });
}

function draw() {
  const i = Number(at("slice").value);
  const share = images.length > 1 ? Number(at("share").value) : 100;
  at("number").textContent = `${i + 1} of ${count}`;
  put(at("left"), images[0].slices[i]);
  put(at("right"), images.length > 1 ? images[Number(at("beside").value) + 1].slices[i] : "");
  at("right").style.clipPath = `inset(0 0 0 ${share}%)`;
  at("divider").style.left = `${share}%`;
  at("divider").style.display = share > 0 && share < 100 ? "block" : "none";
  const over = overlays[Number(at("overlay").value)];
  put(at("over"), over ? over.slices[i] : "");
  at("over").style.opacity = Number(at("opacity").value) / 100;
  at("scale").hidden = !over;
  if (over) {
    at("colors").style.background = `linear-gradient(to right, ${over.colors.join(", ")})`;
    [at("low").textContent, at("high").textContent] = over.limits;
  }
  const paths = outlines.map((layer, k) =>
    shown.has(k) && layer.slices[i] ? `<path d="${layer.slices[i]}" stroke="${layer.color}"/>` : "");
  at("lines").innerHTML = paths.join("");
  drawProfile(i);
}

function move(by) {
  const slice = at("slice");
  slice.value = Math.min(count - 1, Math.max(0, Number(slice.value) + by));
  draw();
}

at("lines").setAttribute("viewBox", `0 0 ${data.width} ${data.height}`);
at("slice").max = count - 1;
at("slice").value = data.start;
fill(at("beside"), images.slice(1));
fill(at("overlay"), overlays, "nothing");
at("overlay").value = overlays.length ? "0" : "-1";
at("slices").hidden = count < 2;
at("besides").hidden = images.length < 2;
at("overlays").hidden = overlays.length < 1;
outlines.forEach((layer, k) => {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = true;
  box.addEventListener("change", () => { box.checked ? shown.add(k) : shown.delete(k); draw(); });
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = layer.color;
  label.append(box, swatch, layer.name);
  at("outlines").append(label);
});
["slice", "share", "opacity"].forEach((id) => at(id).addEventListener("input", draw));
["beside", "overlay"].forEach((id) => at(id).addEventListener("change", draw));
const stage = document.querySelector(".stage");
stage.addEventListener("wheel", (event) => {
  if (count > 1) { event.preventDefault(); move(Math.sign(event.deltaY)); }
}, { passive: false });
stage.addEventListener("keydown", (event) => {
  const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
  if (by) { event.preventDefault(); move(by); }
});
stage.addEventListener("pointermove", (event) => {
  if (event.buttons && images.length > 1) {
    const box = stage.getBoundingClientRect();
    at("share").value = 100 * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    draw();
  }
});
draw();
