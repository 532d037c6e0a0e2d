// Buttons that copy the address of the page that a link leads to. Without this script,
// or where the browser has no clipboard for pages, there is the link.
for (const part of document.querySelectorAll(".copy")) {
	const link = part.querySelector("a"), button = part.querySelector("button"), said = part.querySelector("[role=status]")
	if (!navigator.clipboard) continue
	link.hidden = true
	button.hidden = false
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(link.href)
			said.textContent = "Copied"
		} catch {
			link.hidden = false
			said.textContent = "The browser does not allow it: copy the link"
		}
	})
}

// A page that shows work under way is loaded again until that is done, unless somebody is
// at something on it: the focus would be lost. Without this script there is a link.
const again = document.querySelector("[data-again]")
if (again) setInterval(() => {
	if (!document.activeElement || document.activeElement === document.body) location.reload()
}, 1000 * Number(again.dataset.again))

// Escape closes what was opened around where the focus is, and the focus goes to what opened it.
document.addEventListener("keydown", event => {
	const open = event.key === "Escape" && document.activeElement.closest("details[open]")
	if (!open) return
	open.open = false
	open.querySelector("summary").focus()
})
