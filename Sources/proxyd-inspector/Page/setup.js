// What the page says while the list is empty.

import { button, copy, fill, h, quiet } from "./dom.js";
import { address } from "./format.js";

export class Setup {
	constructor() {
		this.element = h("div.setup", { hidden: true });
	}

	#show(title, content) {
		fill(this.element, h("h2", title), content).hidden = false;
	}

	showEmpty(info) {
		this.#show("No flows yet", info?.daemon ? howTo(info.daemon) : h("p", "The inspector waits for the daemon."));
	}

	showNoMatch(reset) {
		this.#show("No flow fits", button("Show all", reset));
	}

	hide() {
		this.element.hidden = true;
	}
}

function howTo({ listeners = [], ca }) {
	const proxy = listeners.find(({ mode }) => /^(regular|upstream|socks5)/.test(mode));
	if (!proxy) return listeners.map(({ mode, address: pair }) => h("p", "Listening at ", h("b.code", address(pair)), ` as ${mode}.`));
	const scheme = proxy.mode.startsWith("socks5") ? "socks5h" : "http";
	const at = address([["0.0.0.0", "::"].includes(proxy.address[0]) ? "127.0.0.1" : proxy.address[0], proxy.address[1]]);
	return [
		h("p", "The proxy listens at ", h("b.code", at), ". Send something through it:"),
		command(`curl -x ${scheme}://${at} http://example.com/`),
		command(`export http_proxy=${scheme}://${at} https_proxy=${scheme}://${at}`),
		command(`chromium --proxy-server=${scheme.replace("5h", "5")}://${at} --user-data-dir=/tmp/proxyd-browser`),
		h("p", "For HTTPS, trust the proxy’s certificate authority: ", h("a", { href: "/api/ca", download: "" }, "download its certificate"), ", then:"),
		command(`curl -x ${scheme}://${at} --cacert proxyd-ca-cert.pem https://example.com/`),
		ca?.sha256 && h("p.dim", "SHA-256 of the certificate: ", h("code", ca.sha256)),
		h("p.dim", "A HAR file or a recording can be dropped here. ", h("kbd", "?"), " lists the keys."),
	];
}

const command = (text) => h("div.command", h("code", text), quiet("Copy", () => copy(text), { label: `Copy ${text}` }));
