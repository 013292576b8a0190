// SPDX-License-Identifier: GPL-2.0-only
const save = document.getElementById("save");
save.hidden = false;
save.onclick = () => {
  const raw = document.getElementById("raw").textContent;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([raw], { type: "application/json" }));
  link.download = "compare.json";
  link.click();
};
