// Dialogs: modal, closed by Esc, and the focus goes back to where it was.

import { button, h, quiet } from "./dom.js";

let count = 0;

/**
 * Opens a dialog. `actions` are `[label, action, attributes]`; the dialog closes when an action is over, unless it
 * returns false or fails, which is said in the dialog.
 */
export function openDialog(title, content, actions = [], { wide = false, onClose } = {}) {
	const id = `dialog-${++count}`;
	const problem = h("p.error", { role: "alert", hidden: true });
	const run = async (action) => {
		problem.hidden = true;
		try {
			if ((await action()) !== false) dialog.close();
		} catch (error) {
			problem.textContent = error.message;
			problem.hidden = false;
		}
	};
	const buttons = actions.map(([label, action, attributes]) => button(label, () => run(action), attributes));
	const dialog = h(`dialog${wide ? ".wide" : ""}`, { "aria-labelledby": id },
		h("header", h("h2", { id }, title), quiet("✕", () => dialog.close(), { label: "Close" })),
		h("div.dialog-content", content, problem),
		h("footer", buttons));
	dialog.addEventListener("close", () => {
		dialog.remove();
		onClose?.();
	});
	dialog.addEventListener("keydown", (event) => {
		const isSubmit = event.key === "Enter" && (event.ctrlKey || event.metaKey || event.target.tagName === "INPUT");
		if (!isSubmit || !buttons.length) return;
		event.preventDefault();
		(buttons.find((each) => each.classList.contains("primary")) ?? buttons[0]).click();
	});
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

export const confirmDialog = (title, question, label, action) =>
	openDialog(title, h("p", question), [[label, action, { class: "danger", autofocus: true }]]);
